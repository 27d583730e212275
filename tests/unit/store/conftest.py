from collections.abc import Iterator

import pytest

from gameserver.store import Store
from gameserver.testing.two_zones import WORLD


@pytest.fixture
def store(migrated_url: str) -> Iterator[Store]:
    """A store with nothing in it but its tables."""
    opened = Store(migrated_url, WORLD)
    yield opened
    opened.close()
