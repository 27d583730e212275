"""Bots: a crowd of clients that plays and measures."""
