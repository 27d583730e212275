"""A short seed in every test run; each sabotage found out, and a long run, with ``make chaos``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gameserver.up.rabbitmq import PrivateNode
from tests.brokers import require_rabbitmq
from tests.chaos.run import RATE, Report, run
from tests.chaos.schedule import FAULTS, draw
from tests.chaos.stage import Stage

DEATHS = ("kill a worker's child", "kill a worker")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[PrivateNode]:
    """A broker that may be killed: nobody else's."""
    require_rabbitmq()
    made = PrivateNode.somewhere(tmp_path / "rabbitmq")
    try:
        made.start()
        made.wait_until_up()
        yield made
    finally:
        made.kill()
        made.stop()


def played(
    node: PrivateNode,
    folder: Path,
    *,
    seed: int,
    seconds: float,
    every_s: float,
    sabotage: str = "",
    rate: float = RATE,
    faults: Sequence[str] = tuple(FAULTS),
) -> Report:
    """A run on a stage of its own."""
    module = {"app": "tests.chaos.sabotaged", "gateway_module": "tests.chaos.sabotaged"} if sabotage else {}
    stage = Stage(node, folder, env={"CHAOS_SABOTAGE": sabotage}, **module)
    try:
        return run(stage, seed, seconds, every_s=every_s, rate=rate, faults=faults)
    finally:
        stage.stop()


@pytest.mark.timeout(300)
def test_what_clients_sent_and_heard_and_what_is_kept_are_one_story(node: PrivateNode, tmp_path: Path) -> None:
    faults = ("kill a worker's child", "kill a worker", "kill a gateway", "cut a gateway off the broker")
    report = played(node, tmp_path / "house", seed=5, seconds=15, every_s=3.0, faults=faults)
    assert report.wrong == [], str(report)
    assert report.actions["give ok"] > 100, str(report)


def test_a_seed_draws_the_same_schedule_again() -> None:
    assert draw(7, 60, 5) == draw(7, 60, 5)
    assert draw(7, 60, 5) != draw(8, 60, 5)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("sabotage", "faults"),
    [
        ("watermark", (*DEATHS, "kill a gateway")),
        ("outbox", (*DEATHS, "kill a gateway")),
        ("late acknowledgement", DEATHS),
        ("lane", (*DEATHS, "kill a gateway")),
    ],
)
def test_a_guarantee_switched_off_is_found_out(
    node: PrivateNode, tmp_path: Path, sabotage: str, faults: tuple[str, ...]
) -> None:
    report = played(
        node, tmp_path / "house", seed=21, seconds=20, every_s=1.5, rate=25, sabotage=sabotage, faults=faults
    )
    assert report.wrong, str(report)
