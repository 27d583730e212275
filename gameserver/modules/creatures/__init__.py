"""Creatures: lairs from which they come, what they are about, bosses, and those that follow a player."""
