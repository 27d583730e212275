"""What goes back to its queue and comes again is a RETRY to whoever watches tasks as Flower does, never a FAILURE."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import Proc, eventually
from tests.chaos.orders import give, taken
from tests.integration.scraped import scrape, targets, value
from tests.integration.watched import Watched

LEASE_S_MAX = 30.0
ON_THE_WAY = {"task-received", "task-started", "task-rejected"}  # what is given back is rejected, and comes again


@pytest.fixture(scope="module")
def playing(
    module_vhost: Vhost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Proc, LineClient]]:
    with a_deployment(module_vhost.url, tmp_path_factory.mktemp("server")) as deployment:
        deployment.app = "tests.chaos.sabotaged"  # whose rules can be told to hang
        worker = deployment.worker(name="all")
        with LineClient(deployment.gateway().port) as ada:
            ada.register("Ada")
            yield deployment, worker, ada


def ends(watched: Watched, retried: str) -> set[str]:
    """How tasks ended that carried the event, once one was retried because of this and another has succeeded."""
    eventually(lambda: [e for e in of_the_event(watched, "task-retried") if retried in e["exception"]], retried)
    eventually(lambda: of_the_event(watched, "task-succeeded"), "its end")
    return {event["type"] for event in of_the_event(watched)} - ON_THE_WAY


def of_the_event(watched: Watched, type_: str = "") -> list[dict[str, Any]]:
    """What was told of tasks that carried it: the first, and copies of what was tried again."""
    uuids = {event["uuid"] for event in watched.of("task-received", name="chat.say")}
    return [e for e in watched.events if e.get("uuid") in uuids and e["type"].endswith(type_)]


def counted(deployment: Deployment, end: str) -> float:
    (worker,) = targets(deployment, "worker").values()
    return value(scrape(worker), "gameserver_worker_tasks_total", event="say", end=end)


def test_a_rule_that_hangs_until_its_lease_is_over(playing: tuple[Deployment, Proc, LineClient]) -> None:
    deployment, _, ada = playing
    give(deployment.folder, "hold 60")
    with Watched(deployment.amqp_url) as watched:
        assert ada.reply(ada.post("say", text="hello"), LEASE_S_MAX)["type"] == "ok"
        assert ends(watched, "TimeLimitExceeded") == {"task-retried", "task-succeeded"}
    assert taken(deployment.folder)
    assert (counted(deployment, "lease_over"), counted(deployment, "failed")) == (1, 0)


def test_a_child_that_is_killed(playing: tuple[Deployment, Proc, LineClient]) -> None:
    deployment, worker, ada = playing
    give(deployment.folder, "hold 60")
    with Watched(deployment.amqp_url) as watched:
        asked = ada.post("say", text="hello")
        eventually(lambda: taken(deployment.folder), "a child that hangs")
        for child in worker.children():
            os.kill(child, signal.SIGKILL)
        assert ada.reply(asked, LEASE_S_MAX)["type"] == "ok"
        assert ends(watched, "exited prematurely") == {"task-retried", "task-succeeded"}


def test_a_database_that_is_locked(playing: tuple[Deployment, Proc, LineClient]) -> None:
    deployment, _, ada = playing
    file = deployment.database_url.removeprefix("sqlite:///")
    with Watched(deployment.amqp_url) as watched:
        with closing(sqlite3.connect(file)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            asked = ada.post("say", text="hello")
            eventually(lambda: watched.of("task-retried"), "a task that is given back", LEASE_S_MAX)
        assert ada.reply(asked, LEASE_S_MAX)["type"] == "ok"
        assert ends(watched, "database") == {"task-retried", "task-succeeded"}
