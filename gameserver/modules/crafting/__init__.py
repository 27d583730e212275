"""Crafting: things made of things, by recipes."""
