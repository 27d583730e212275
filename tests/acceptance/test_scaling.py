"""Operators scale by Celery's own commands while bots play: all do what they say, and nobody goes unanswered.

Where a command of Celery does not do what it says, a test says so: docs/operating.md tells operators the same.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator

import pytest

from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import Proc, eventually
from tests.crowds import NOT_NOW, Crowd
from tests.deployments import FAMILIES
from tests.operators import celery, run

OTHERS = tuple(family for family in FAMILIES if family != "movement")
PROMPT = {"GAMESERVER_UNAVAILABLE_AFTER_S": "1"}


class Place:
    """A deployment with a worker for movement and one for everything else."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        deployment.beat()
        self.movement, self.others = deployment.workers([(("movement",), "m1", 1), (OTHERS, "o1", 1)])
        self.gateway = deployment.gateway(env=PROMPT)
        (self.host,) = set(re.findall(r"m1@(\S+) ready", self.movement.text))

    def at(self, name: str) -> str:
        return f"{name}@{self.host}"

    def control(self, *words: str, to: str, status: int = 0) -> str:
        """A command to one worker."""
        return celery(self.deployment, "control", *words, "-d", self.at(to), status=status)

    def told(self, what: str, worker: str) -> object:
        """What ``celery inspect`` tells of one worker."""
        found = json.loads(celery(self.deployment, "inspect", what, "-d", self.at(worker), "--json"))
        return found[self.at(worker)]

    def queues(self, worker: str) -> set[str]:
        queues = self.told("active_queues", worker)
        assert isinstance(queues, list)
        return {queue["name"] for queue in queues}


@pytest.fixture(scope="module")
def place(module_deployment: Deployment) -> Place:
    return Place(module_deployment)


@pytest.fixture
def crowd(place: Place, request: pytest.FixtureRequest) -> Iterator[Crowd]:
    """Bots that play all the while, and are all answered."""
    prefix = f"{request.node.name.removeprefix('test_')[:12].strip('_').replace('_', '')}"
    with Crowd(place.gateway, count=10, prefix=prefix, rate=3) as made:
        made.wait_until_playing()
        yield made
        summary = made.summary()
    assert summary.entered == summary.count
    assert summary.unanswered == 0, "\n".join(summary.lines())
    assert set(summary.errors) <= NOT_NOW, "\n".join(summary.lines())


def pool(worker: Proc, count: int) -> None:
    eventually(lambda: len(worker.children()) == count or not worker.alive, f"{count} children", 40)
    assert worker.alive, worker.tail


def test_a_paused_family_is_told_to_players_waits_and_then_catches_up(place: Place):
    with LineClient(place.gateway.port) as ada:
        ada.register("Ada")
        assert "no longer consuming from chat" in place.control("cancel_consumer", "chat", to="o1")
        waits = ada.post("say", text="does anybody hear me?")
        ada.expect("unavailable", family="chat")
        assert ada.ask("say", text="and now?")["code"] == "unavailable"
        assert ada.ask("purse")["type"] == "ok"
        assert "add consumer chat" in place.control("add_consumer", "chat", to="o1")
        assert ada.reply(waits)["type"] == "ok"
        ada.expect("unavailable", family="chat", back=True)
        assert ada.ask("say", text="there you are")["type"] == "ok"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_family_is_paused_and_catches_up_while_bots_play(place: Place, crowd: Crowd):
    place.control("cancel_consumer", "chat", to="o1")
    assert place.queues("o1") == {*OTHERS} - {"chat"}
    place.control("add_consumer", "chat", to="o1")
    assert place.queues("o1") == {*OTHERS}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_pool_grows_and_shrinks_and_inspect_tells_the_truth_of_it(place: Place, crowd: Crowd):
    worker = place.deployment.worker("movement", name="m2")
    assert "pool will grow" in place.control("pool_grow", "2", to="m2")
    pool(worker, 3)
    stats = place.told("stats", "m2")
    assert isinstance(stats, dict)
    assert len(stats["pool"]["processes"]) == 3
    assert stats["prefetch_count"] == 2 * 3
    assert "pool will shrink" in place.control("pool_shrink", "1", to="m2")
    pool(worker, 2)
    assert "pong" in celery(place.deployment, "inspect", "ping", "-d", place.at("m2"))
    assert set(re.findall(r"-> +(\S+?):", celery(place.deployment, "inspect", "ping"))) == {
        place.at(name) for name in ("m1", "m2", "o1")
    }
    worker.terminate()
    assert worker.wait(60) == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_worker_of_all_families_hands_one_over_to_its_own_and_grows_while_bots_play(place: Place, crowd: Crowd):
    everything = place.deployment.worker(*FAMILIES, name="all1", concurrency=2)
    assert place.queues("all1") == {*FAMILIES}
    assert "no longer consuming from movement" in place.control("cancel_consumer", "movement", to="all1")
    assert place.queues("all1") == {*OTHERS}
    assert "pool will grow" in place.control("pool_grow", "1", to="all1")
    pool(everything, 3)
    everything.terminate()
    assert everything.wait(60) == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_celery_s_exit_codes_lie_and_its_replies_do_not(place: Place, crowd: Crowd):
    worker = place.deployment.worker("movement", name="m3")
    answer = place.control("pool_shrink", "5", to="m3")  # it has one child, and says so
    assert "ok" not in re.findall(r"\w+", answer)
    assert re.search(r"ValueError|error|busy", answer), answer
    assert "No nodes replied" in celery(
        place.deployment, "control", "pool_grow", "1", "-d", "nobody@nowhere", status=69
    )
    place.control("shutdown", to="m3", status=69)  # nobody is left to reply: it worked
    assert worker.wait(60) == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_autoscaled_worker_grows_with_its_work_and_shrinks_afterwards(place: Place, crowd: Crowd):
    worker = place.deployment.worker("movement", name="m4", options=("--autoscale=4,1",))
    place.movement.terminate()
    assert place.movement.wait(60) == 0
    assert "not supported with autoscale" in place.control("pool_grow", "1", to="m4")
    assert "autoscale" in place.control("autoscale", "3", "2", to="m4")
    eventually(lambda: len(worker.children()) >= 2, "more children")
    place.movement = place.deployment.worker("movement", name="m1")
    worker.terminate()
    assert worker.wait(60) == 0


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_a_worker_of_two_is_stopped_warm_or_cold(place: Place, crowd: Crowd, how: signal.Signals):
    worker = place.deployment.worker("movement", "chat", name="m5")
    worker.stop_by(how)
    status = worker.wait(60)
    assert how is signal.SIGQUIT or status == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_celery_multi_starts_restarts_and_stops_workers_of_two_families(place: Place, crowd: Crowd):
    folder = place.deployment.folder
    where = (f"--pidfile={folder}/%n.pid", f"--logfile={folder}/%n.log")
    which = (
        "movement9",
        "chat9",
        "-A",
        "tasks",
        "-Q:movement9",
        "movement",
        "-Q:chat9",
        "chat",
        "-c",
        "1",
        "-l",
        "INFO",
        *where,
    )
    multi = (sys.executable, "-m", "celery", "multi")

    def pids() -> list[int]:
        return [int(file.read_text()) for file in (folder / "movement9.pid", folder / "chat9.pid") if file.exists()]

    try:
        run(place.deployment, *multi, "start", *which)
        eventually(
            lambda: all("ready." in (folder / f"{n}9.log").read_text() for n in ("movement", "chat")), "both up", 60
        )
        first = pids()
        assert place.queues("chat9") == {"chat"}
        run(place.deployment, *multi, "restart", *which)
        eventually(lambda: len(pids()) == 2 and not set(pids()) & set(first), "both anew", 60)
        eventually(lambda: (folder / "chat9.log").read_text().count("ready.") == 2, "up again", 60)
        run(place.deployment, *multi, "stopwait", *which)
        assert pids() == []
    finally:
        for pid in pids():
            os.kill(pid, signal.SIGKILL)
