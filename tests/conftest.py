"""What all tests may ask for: a private broker, databases, and houses of real processes."""

import pytest

pytest_plugins = ["tests.brokers", "tests.databases", "tests.houses"]


def pytest_configure(config: pytest.Config) -> None:
    """Celery 5.7 warns of a setting that 5.6 still needs."""
    warning = "celery.exceptions.CPendingDeprecationWarning"
    config.addinivalue_line("filterwarnings", rf"ignore:\s*The 'task_acks_on_failure_or_timeout' setting:{warning}")
