"""Modules: each a slice of a game from top to bottom, in a folder of its own."""
