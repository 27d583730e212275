"""Post: letters with things and coins, to whoever is in the world or not."""
