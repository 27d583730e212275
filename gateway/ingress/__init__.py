"""Ingress: from clients into the queue."""
