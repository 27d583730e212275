"""The pytest plugin of the engine: pytest loads it where the engine is installed, and a test asks for its fixtures.

``server``: a living server of the game for the tests of one module. ``deployment``: one without processes, for a test
that starts and kills them itself. ``chaos``: one that is struck by faults while clients act on it.
``private_node``, ``vhost``, ``module_vhost``: the broker below these.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gameserver.testing.broker import Vhost, module_vhost, private_node, vhost

if TYPE_CHECKING:
    from gameserver.testing.chaos.run import Chaos
    from gameserver.testing.deployment import Deployment, LiveDeployment

__all__ = ["chaos", "deployment", "module_vhost", "private_node", "server", "vhost"]


@pytest.fixture
def deployment(vhost: Vhost, tmp_path: Path) -> "Iterator[Deployment]":
    """Give a deployment without processes, for one test."""
    from gameserver.testing.deployment import a_deployment

    with a_deployment(vhost.url, tmp_path / "server") as made:
        yield made


@pytest.fixture(scope="module")
def server(module_vhost: Vhost, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[LiveDeployment]":
    """Give a living server (gateway, worker, beat, broker, database), for the tests of one module."""
    from gameserver.testing.deployment import a_deployment, living

    with a_deployment(module_vhost.url, tmp_path_factory.mktemp("server")) as made:
        yield living(made)


@pytest.fixture
def chaos(vhost: Vhost, tmp_path: Path) -> "Chaos":
    """Give what runs clients and faults on a server, and finds what was lost, doubled or not conserved."""
    from gameserver.testing.chaos.run import Chaos

    return Chaos(vhost.url, tmp_path / "server")
