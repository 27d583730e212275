"""Connections: what the gateway knows of each client, and the lanes of its events."""
