"""Barter: two players exchange things and coins, both or neither. Gifts of coins by one of them are in ``trade``."""
