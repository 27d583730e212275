"""What all tests may ask for: a private broker, and houses of real processes."""

pytest_plugins = ["tests.brokers", "tests.houses"]
