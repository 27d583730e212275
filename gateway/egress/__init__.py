"""Egress: from the queue to clients."""
