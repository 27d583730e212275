"""What operators ask of a running house: its state, what to do about it, what goes by, and where an event went."""
