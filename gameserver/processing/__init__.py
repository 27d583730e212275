"""Processing: a batch of events becomes one transaction and one outbound message."""
