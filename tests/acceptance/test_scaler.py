"""``gameserver scale`` with real processes: workers come and go, whoever starts them, and nobody is unanswered."""

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gameserver.broker.connections import DepthReader, connected
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.processes import Proc, eventually
from tests.crowds import Crowd, Windows
from tests.deployments import FAMILIES, ROOT
from tests.supervised import UP

OTHERS = tuple(family for family in FAMILIES if family != "movement")
UP_S = 40.0
STOP_S = 100.0
ANSWERED_MS_MAX = 250.0  # the p99 of all players' replies, in each stretch of
REPLIES_EACH = 300  # so many
BETWEEN_CROWDS_S = 6.0  # ten times the load within a minute
RATE = 1.0  # events a second of each bot: a fifth of a worker's time in the beginning
PEAK_S = 30.0
LOOKS_AT_PEAK = 5
BACK_S = 300.0


def scale(deployment: Deployment, *words: str, env: Mapping[str, str] | None = None) -> Proc:
    """Start a scaler of movement alone."""
    alone = ("--workers", "0:0")
    command = (sys.executable, "-m", "gameserver", "scale", *alone, *words)
    log = deployment.folder / f"scale{len(deployment.procs)}.log"
    proc = deployment.take(Proc("scale", command, {**deployment.environ, **(env or {})}, log))
    proc.says("Workers of each family: movement")
    return proc


@contextmanager
def supervised(deployment: Deployment, *preloaded: str) -> Iterator[None]:
    """Run a supervisord for workers, as `gameserver up` does."""
    command = (sys.executable, "-m", "tests.supervised", str(deployment.settings.var), *preloaded)
    env = {**deployment.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), deployment.environ["PYTHONPATH"]])}
    proc = deployment.take(Proc("supervisord", command, env, deployment.folder / "supervisord.log"))
    proc.says(UP)
    try:
        yield
    finally:
        proc.terminate()
        proc.wait(STOP_S)


@contextmanager
def daemons(deployment: Deployment) -> Iterator[None]:
    """End what `celery multi` has started."""
    try:
        yield
    finally:
        for file in (deployment.settings.var / "scaled").glob("*.pid"):
            with suppress(OSError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture
def odd_deployment(vhost: Vhost, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment in a folder whose name holds what `celery multi` takes for something else."""
    with a_deployment(vhost.url, tmp_path / "50%name of %h's") as made:
        yield made


@pytest.mark.parametrize("by", ["supervisor", "multi"])
def test_workers_come_outlive_their_scaler_and_go_by_the_next_one(by: str, request: pytest.FixtureRequest) -> None:
    deployment: Deployment = request.getfixturevalue("deployment" if by == "supervisor" else "odd_deployment")
    deployment.workers([(("movement",), "movement1", 1), (OTHERS, "others", 1)])
    gateway = deployment.gateway()
    around = {"supervisor": supervised, "multi": daemons}[by]
    with around(deployment), Crowd(gateway, count=5, prefix="c", rate=3) as crowd:
        crowd.wait_until_playing()
        hesitant = scale(deployment, "--by", by, "--workers", "movement=2:3")
        hesitant.says("movement: 1 worker, and at least 2 are wanted: 1 more (not done: --act)", s_max=UP_S)
        hesitant.kill()
        first = scale(deployment, "--by", by, "--workers", "movement=2:3", "--act")
        first.says("at least 2 are wanted: 1 more", s_max=UP_S)
        eventually(lambda: consumers(deployment) == 2, lambda: logs(deployment), UP_S)
        first.kill()
        assert consumers(deployment) == 2
        second = scale(deployment, "--by", by, "--workers", "movement=1:1", "--act")
        second.says("movement: 2 workers, and at most 1 are allowed: one less", s_max=UP_S)
        eventually(lambda: consumers(deployment) == 1, "one worker", UP_S)
        summary = crowd.summary()
    assert summary.ok, summary.lines()


def consumers(deployment: Deployment) -> int:
    """How many workers the broker counts."""
    with connected(deployment.amqp_url) as connection:
        found = DepthReader(connection).depth("movement")
    return found.consumers if found else 0


def logs(deployment: Deployment) -> str:
    """What whoever starts workers has printed."""
    return "\n".join(file.read_text(errors="replace") for file in (deployment.settings.var / "log").glob("*.log"))


def test_what_fails_is_a_sentence_and_the_scaler_goes_on(deployment: Deployment) -> None:
    deployment.workers([(FAMILIES, "all", 1)])
    deployment.gateway()
    alone = scale(deployment, "--workers", "movement=2:2", "--act", "--command", "false {family} {count}")
    alone.says("movement: it could not be done: `false movement 2` ended with status 1; its output is in", s_max=UP_S)
    assert alone.alive


def commands() -> dict[str, str]:
    """The commands by which the documents let others start workers: the program, and the whole of it."""
    text = (ROOT / "docs" / "operating.md").read_text()
    return {found.split()[0]: found for found in re.findall(r"gameserver scale --act --command '([^']+)'", text)}


def test_the_commands_of_the_documents_ask_kubernetes_and_compose_for_as_many_as_are_wanted(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Both are stand-ins that write down what they are asked for: the words are what is tried."""
    for program in commands():
        stand_in = tmp_path / program
        stand_in.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{program}.asked\n')
        stand_in.chmod(0o755)
    deployment.workers([(("movement",), "movement1", 1), (OTHERS, "others", 1)])
    deployment.gateway()
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for program, command in commands().items():
        scaler = scale(deployment, "--workers", "movement=3:4", "--act", "--command", command, env=path)
        asked = tmp_path / f"{program}.asked"
        eventually(asked.exists, lambda scaler=scaler: scaler.tail, UP_S)
        scaler.kill()
        assert asked.read_text().split() == command.format(family="movement", count=3).split()[1:]
    assert sorted(commands()) == ["docker", "kubectl"]


@pytest.fixture
def slow(vhost: Vhost, tmp_path: Path, postgresql_url: str) -> Iterator[Deployment]:
    """Events of movement that take 25 ms each, on PostgreSQL."""
    with a_deployment(vhost.url, tmp_path / "server", postgresql_url, {"SLOW_EVENT_S": "0.025"}) as made:
        yield made


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_times_the_load_is_met_within_a_minute_and_five_minutes_later_all_is_as_before(slow: Deployment) -> None:
    slow.workers([(OTHERS, "others", 1)])
    slow.beat()
    gateways = [slow.gateway(f"g{n}") for n in range(3)]
    with supervised(slow, "tests.slow", "tasks.preload"):
        scaler = scale(slow, "--workers", "movement=1:8", "--act")
        eventually(lambda: consumers(slow) == 1, lambda: logs(slow), UP_S)
        with Crowd(*gateways, count=8, prefix="few", rate=RATE) as few:
            few.wait_until_playing()
            more = [Crowd(*gateways, count=8, prefix=f"more{n}b", rate=RATE) for n in range(9)]
            windows = Windows([few, *more], REPLIES_EACH)
            for crowd in more:
                crowd.start()
                crowd.join(BETWEEN_CROWDS_S)
                windows.look()
            met = consumers(slow)
            for _ in range(LOOKS_AT_PEAK):
                more[-1].join(PEAK_S / LOOKS_AT_PEAK)
                windows.look()
            summaries = [crowd.summary() for crowd in more]
            eventually(lambda: consumers(slow) == 1, lambda: scaler.text, BACK_S)
            summaries.append(few.summary())
    p99s_ms = [round(found.percentile_ms(99)) for found in windows.found]
    told = "\n".join(
        [
            scaler.text,
            f"p99 of each stretch: {p99s_ms} ms",
            *(line for summary in summaries for line in summary.lines()),
        ]
    )
    print(told)
    assert met > 1, told
    assert all(summary.ok for summary in summaries), told
    assert len(p99s_ms) >= LOOKS_AT_PEAK, told
    assert max(p99s_ms) < ANSWERED_MS_MAX, told
