"""The world's fixed part: maps drawn in Tiled, the objects on them, and the kinds of creatures."""
