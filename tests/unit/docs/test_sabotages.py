"""Each guarantee has its sabotage, and docs/architecture.md lists them all as they are in the code."""

from pathlib import Path

import pytest

from tests.chaos.test_chaos import SABOTAGES as CHAOS
from tests.simulation.sabotages import SABOTAGES as SIMULATION
from tests.simulation.sabotages import Sabotage
from tests.unit.processing.test_poison import SABOTAGES as POISON

DOCUMENT = Path(__file__).parents[3] / "docs" / "architecture.md"
HEAD = ("| guarantee | switched off by | found out by |", "|---|---|---|")


def rows() -> list[str]:
    """The lines of the table."""
    simulated = [f"| {s.guarantee} | `{s.off.__name__}` | simulation, seed {s.seed}: {s.finds} |" for s in SIMULATION]
    poisoned = [
        f"| {guarantee} | `{off.__name__}` | `tests/unit/processing/test_poison.py`, seed {seed}: {finds} |"
        for guarantee, (off, seed, finds) in POISON.items()
    ]
    real = [f"| {name} | `CHAOS_SABOTAGE={name}` | chaos, seed {play['seed']} |" for name, play in CHAOS.items()]
    return [*HEAD, *simulated, *poisoned, *real]


def test_the_table_of_sabotages_is_that_of_the_code() -> None:
    assert "\n" + "\n".join(rows()) + "\n\n" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("sabotage", SIMULATION, ids=lambda sabotage: sabotage.off.__name__)
def test_a_sabotage_switches_off_what_is_there(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that the code has no more would be found only when somebody tries the sabotage, which takes minutes."""
    sabotage.off(monkeypatch)
