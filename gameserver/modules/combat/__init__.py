"""Combat: blows, deaths, rewards."""
