"""Quests: people of the world ask for something, and pay for it once."""
