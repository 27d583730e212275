"""Reads the maps that are drawn in Tiled: zones, their walls, and the objects on them that modules declare."""
