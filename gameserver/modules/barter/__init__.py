"""Barter: two players exchange things and coins, both or neither."""
