"""The world's fixed part (maps, kinds) and the frozen types of its changing part."""
