"""The pytest plugin of the engine: pytest loads it where the engine is installed, and a test asks for its fixtures.

``server``: a living server of the game for the tests of one module. ``deployment``: one without processes, for a test
that starts and kills them itself. ``chaos``: one that is struck by faults while clients act on it.
``private_node``, ``vhost``, ``module_vhost``: the broker below these.

Nothing that a run starts outlives it (``run_guard.py``); a run in which a test left a process fails and names it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gameserver.testing.broker import Vhost, module_vhost, private_node, vhost
from gameserver.testing.run_guard import RunGuard, guarded

if TYPE_CHECKING:
    from gameserver.testing.chaos.run import Chaos
    from gameserver.testing.deployment import Deployment, LiveDeployment

__all__ = ["chaos", "deployment", "module_vhost", "private_node", "server", "vhost"]

_GUARD = pytest.StashKey[RunGuard | None]()
_LEFT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Guard the run."""
    ending = ExitStack()
    config.stash[_GUARD] = ending.enter_context(guarded())
    config.add_cleanup(ending.close)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that leaves processes; all fixtures have ended theirs."""
    guard = session.config.stash[_GUARD]
    left = session.config.stash[_LEFT] = guard.left() if guard else []
    if left and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the processes that were left."""
    if left := config.stash.get(_LEFT, []):
        terminalreporter.section("processes that tests started and did not end (they are killed now)", red=True)
        for command in left:
            terminalreporter.line(command)


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
