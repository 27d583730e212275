"""Sockets: what clients connect to."""
