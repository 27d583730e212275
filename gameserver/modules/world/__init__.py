"""The world's ticks and its sweep."""
