"""Fixtures for all tests: a broker, databases, houses of real processes."""

pytest_plugins = ["gameserver.testing.plugin", "tests.databases", "tests.houses", "tests.browsers"]
