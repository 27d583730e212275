"""Two minutes of a soak: nothing grows; and a real leak, switched on, is found."""

from pathlib import Path

import pytest

from gameserver.testing.rabbitmq_node import RunningNode
from tests.soak.run import WEIGHTS, Report, run, stage_of

SECONDS = 120.0
EVERY_S = 15.0
# What takes the broker or a family away for long leaves too little of two minutes.
LONG = ("kill the broker", "restart the broker", "a family without workers", "raise the broker's alarm")
SHORT = {fault: weight for fault, weight in WEIGHTS.items() if fault not in LONG}


def soaked(node: RunningNode, folder: Path, leak: str = "") -> Report:
    stage = stage_of(node, folder, SECONDS, leak=leak)
    try:
        return run(stage, 1, SECONDS, every_s=EVERY_S, weights=SHORT)
    finally:
        stage.stop()


@pytest.mark.long
@pytest.mark.timeout(500)
def test_in_two_minutes_nothing_grows_and_everybody_is_answered(node: RunningNode, tmp_path: Path) -> None:
    report = soaked(node, tmp_path / "server")
    assert report.wrong == []
    assert sum(report.faults.values()) >= 4
    assert report.bots["answered"] > 1_000
    kinds = {each.kind for each in report.judgements}
    assert kinds == {
        "memory",
        "broker's memory",
        "descriptors",
        "rows",
        "messages",
        "broker's objects",
        "registry",
        "file",
    }


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_gateway_that_keeps_everything_is_found_out(node: RunningNode, tmp_path: Path) -> None:
    report = soaked(node, tmp_path / "server", leak="gateway")
    assert any(sentence.startswith("memory of gateway 0") for sentence in report.wrong), report.wrong
