"""Bank: coins and things that are safe, and chests that all share."""
