"""Fixtures for chaos: a broker that may be hurt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.testing.broker import ROOT, require_rabbitmq
from gameserver.testing.rabbitmq_node import RunningNode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    """A broker that may be killed: nobody else's."""
    require_rabbitmq()
    made = RunningNode.somewhere(tmp_path / "rabbitmq", root=ROOT)
    try:
        made.start()
        made.wait_until_up()
        yield made
    finally:
        made.kill()
        made.stop()
