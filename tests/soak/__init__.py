"""Hours of play under faults, in which everything is counted that could grow: ``make soak HOURS=n``."""
