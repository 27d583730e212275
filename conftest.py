"""Fixtures for all tests: a broker, databases, deployments of real processes. Examples have no deadline."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["gameserver.testing.plugin", "tests.databases", "tests.deployments", "tests.browsers"]

settings.register_profile("unhurried", deadline=None, max_examples=50)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def one_engine() -> Iterator[None]:
    """Fail a test that leaves the engine imported anew: patches of later tests would miss what they are meant for."""
    before = sys.modules.get("gameserver")
    yield
    assert before is None or sys.modules.get("gameserver") is before, "this test left a second engine in sys.modules"
