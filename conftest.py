"""Fixtures for all tests: a broker, databases, deployments of real processes. Examples have no deadline."""

from hypothesis import settings

pytest_plugins = ["gameserver.testing.plugin", "tests.databases", "tests.deployments", "tests.browsers"]

settings.register_profile("unhurried", deadline=None, max_examples=50)
settings.load_profile("unhurried")
