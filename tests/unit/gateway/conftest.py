import pytest

from tests.unit.gateway.fakes import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
