"""Fixtures for all tests: a broker, databases, houses of real processes."""

pytest_plugins = ["tests.brokers", "tests.databases", "tests.houses", "tests.browsers"]
