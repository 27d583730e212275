"""Fixtures for tests that need a real broker: one private node for the whole run, a fresh virtual host for each test.

``RABBITMQ_ROOT`` names a root file system with another version to test against (``docker/rabbitmq-root.sh`` makes one).
Without RabbitMQ on the machine such tests are skipped with the reason; in CI they fail instead, because a check that is
silently left out there checks nothing.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from gameserver.local.rabbitmq_node import installed
from gameserver.testing.rabbitmq_node import RunningNode

ROOT = os.environ.get("RABBITMQ_ROOT", "")


class Vhost(msgspec.Struct, frozen=True):
    """A virtual host of its own: its name, and the AMQP URL that leads there."""

    name: str
    url: str


@pytest.fixture(scope="session")
def private_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A RabbitMQ node of this run's own, started once and gone afterwards."""
    require_rabbitmq()
    node = RunningNode.somewhere(tmp_path_factory.mktemp("rabbitmq"), root=ROOT)
    try:
        node.start()
        node.wait_until_up()
        yield node
    finally:
        # Nobody needs its data again, and a stop in order takes six seconds.
        node.kill()
        node.stop()


@pytest.fixture
def vhost(private_node: RunningNode) -> Iterator[Vhost]:
    """A virtual host for one test."""
    with fresh_vhost(private_node) as made:
        yield made


@pytest.fixture(scope="module")
def module_vhost(private_node: RunningNode) -> Iterator[Vhost]:
    """A virtual host for the tests of one module."""
    with fresh_vhost(private_node) as made:
        yield made


@contextmanager
def fresh_vhost(node: RunningNode) -> Iterator[Vhost]:
    """A virtual host for a ``with`` block."""
    name = f"test-{uuid.uuid4().hex}"
    node.add_vhost(name)
    try:
        yield Vhost(name, node.amqp_url(name))
    finally:
        node.delete_vhost(name)


def require_rabbitmq() -> None:
    """Skip the test on a machine without RabbitMQ; fail it in CI."""
    if ROOT or installed():
        return
    if os.environ.get("CI"):
        pytest.fail("RabbitMQ is missing, and in CI this test must run: docker/system-packages.sh test", pytrace=False)
    pytest.skip("RabbitMQ is not installed (docker/system-packages.sh test installs it)")
