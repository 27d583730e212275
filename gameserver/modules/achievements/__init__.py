"""Achievements: what players have done, counted by hooks on other modules' events, and told once."""
