"""Chat: speech near and far, channels, whispers."""
