"""Instances: zones that are opened for one player or group, each with the map of a template, and end."""
