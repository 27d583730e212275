"""A workshop for the tests of processing."""

from collections.abc import Iterator

import pytest

from tests.unit.processing.workshop import Workshop


@pytest.fixture
def workshop(migrated_url: str) -> Iterator[Workshop]:
    """An applier on an empty world."""
    made = Workshop(migrated_url)
    yield made
    made.store.close()
