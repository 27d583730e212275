"""A short seed in every test run; each sabotage found out, and a long run, with ``make chaos``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.run import Report, run
from tests.chaos.schedule import BY_HAND, draw
from tests.chaos.stage import NOT_ASKING, Stage


def report_of(
    node: RunningNode,
    folder: Path,
    *,
    seed: int,
    seconds: float,
    every_s: float,
    sabotage: str = "",
    dawdle_s: float = 0.0,
    env: Mapping[str, str] | None = None,
    **play: Any,
) -> Report:
    """A run on a stage of its own."""
    programs = {"app": "tests.chaos.sabotaged", "gateway_module": "tests.chaos.sabotaged"}
    told = {"CHAOS_SABOTAGE": sabotage, "CHAOS_DAWDLE_S": str(dawdle_s), **(env or {})}
    stage = Stage(node, folder, env=told, **(programs if sabotage or dawdle_s else {}))
    try:
        return run(stage, seed, seconds, every_s=every_s, **play)
    finally:
        stage.stop()


@pytest.mark.timeout(300)
def test_what_clients_sent_and_heard_and_what_is_kept_are_one_story(node: RunningNode, tmp_path: Path) -> None:
    faults = ("kill a worker's child", "kill a worker", "kill a gateway", "cut a gateway off the broker")
    report = report_of(node, tmp_path / "server", seed=5, seconds=15, every_s=3.0, faults=faults)
    assert report.wrong == [], str(report)
    assert report.actions["give ok"] > 100, str(report)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_a_hand_removes_an_alarm_and_a_disk_that_takes_nothing_are_one_story(
    node: RunningNode, tmp_path: Path
) -> None:
    report = report_of(node, tmp_path / "server", seed=4, seconds=40, every_s=3.0, faults=tuple(BY_HAND))
    assert set(report.faults) == set(BY_HAND), str(report)
    assert report.wrong == [], str(report)


def test_a_seed_draws_the_same_schedule_again() -> None:
    assert draw(7, 60, 5) == draw(7, 60, 5)
    assert draw(7, 60, 5) != draw(8, 60, 5)


# Loads and faults, each with its seed. Those that are HARD are for gateways that never ask again by themselves: what
# asking heals would not be missed.
HARD: dict[str, Any] = {
    "seed": 21,
    "seconds": 20,
    "every_s": 1.5,
    "rate": 25,
    "dawdle_s": 0.02,
    "settle_s_max": 30,
    "env": NOT_ASKING,
}
WORKERS_DIE = ("kill a worker's child", "kill a worker")
ALL_DIE = (*WORKERS_DIE, "kill a gateway")
FAMILIES_FAIL: dict[str, Any] = {"seed": 31, "seconds": 50, "every_s": 7.0, "faults": ("a family without workers",)}
CLOCKS_FAIL: dict[str, Any] = {"seed": 31, "seconds": 50, "every_s": 7.0, "faults": ("skew a clock", "a second beat")}
EVENTS_FAIL: dict[str, Any] = {
    "seed": 31,
    "seconds": 30,
    "every_s": 5.0,
    "faults": ("clients hang up",),
    "poison": 0.03,
    "settle_s_max": 30,
}
# Under which of them each sabotage is found out. With all guarantees on, each of them makes one story.
SABOTAGES: dict[str, dict[str, Any]] = {
    "watermark": {**HARD, "faults": ALL_DIE},
    "outbox": {**HARD, "faults": ALL_DIE},
    "late acknowledgement": {**HARD, "faults": WORKERS_DIE},  # clients of a dead gateway would send again what was lost
    "lane": {**HARD, "faults": ALL_DIE},
    "doubt": FAMILIES_FAIL,
    "clocks": CLOCKS_FAIL,
    "trials": EVENTS_FAIL,
}


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_guarantee_switched_off_is_found_out(node: RunningNode, tmp_path: Path, sabotage: str) -> None:
    report = report_of(node, tmp_path / "server", sabotage=sabotage, **SABOTAGES[sabotage])
    assert report.wrong, str(report)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_with_all_guarantees_on_the_same_seed_makes_one_story(node: RunningNode, tmp_path: Path) -> None:
    report = report_of(node, tmp_path / "server", faults=ALL_DIE, **HARD)
    assert report.wrong == [], str(report)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_who_hangs_up_while_a_family_has_no_workers_is_never_told_no_of_what_was_done(
    node: RunningNode, tmp_path: Path
) -> None:
    report = report_of(node, tmp_path / "server", **FAMILIES_FAIL)
    assert report.wrong == [], str(report)
    assert report.actions["give refused unavailable"] > 0, str(report)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_wrong_clocks_harm_nobody(node: RunningNode, tmp_path: Path) -> None:
    report = report_of(node, tmp_path / "server", **CLOCKS_FAIL)
    assert report.wrong == [], str(report)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_poison_is_answered_and_its_neighbours_are_applied_once(node: RunningNode, tmp_path: Path) -> None:
    report = report_of(node, tmp_path / "server", **EVENTS_FAIL)
    assert report.wrong == [], str(report)
    assert report.actions["whisper refused dead_lettered"] > 0, str(report)
