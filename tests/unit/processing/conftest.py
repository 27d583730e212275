"""Properties are held against examples however busy the machine is: no deadline for a single one."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.unit.processing.workshop import Workshop

settings.register_profile("unhurried", deadline=None, max_examples=50)
settings.load_profile("unhurried")


@pytest.fixture
def workshop(migrated_url: str) -> Iterator[Workshop]:
    """An applier on an empty world."""
    made = Workshop(migrated_url)
    yield made
    made.store.close()
