"""Reads the maps that are drawn in Tiled: zones, the objects on them, and the kinds of creatures."""
