"""What a gateway counts, and how it is shown."""
