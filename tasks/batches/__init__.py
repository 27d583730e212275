"""The parts of which a ``BatchProcessor`` is made, each with what it owns."""
