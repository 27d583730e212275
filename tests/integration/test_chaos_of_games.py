"""The fixture that a game's tests get: clients act, faults strike, and a broken promise is told in one sentence."""

import re
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from gameserver.testing.chaos.run import Chaos

DIRECTIONS = ("n", "e", "s", "w")
WORKERS_DIE = {"kill a worker's child": 4, "kill a worker": 1}

pytestmark = pytest.mark.timeout(240)


def gives_and_walks(rng: Random, others: Sequence[str]) -> dict[str, Any]:
    if rng.random() < 0.6:
        return {"type": "give", "to": rng.choice(others), "coins": rng.randint(1, 9)}
    return {"type": "move", "dir": rng.choice(DIRECTIONS)}


def test_what_clients_do_is_done_once_whatever_is_killed_and_conserved(chaos: Chaos) -> None:
    report = chaos.run(gives_and_walks, seed=3, seconds=12, every_s=2.0)
    assert report.ends["give ok"] > 50, report
    assert report.faults.total() > 3


@pytest.mark.long
def test_the_games_own_bots_are_the_clients_unless_a_test_says_otherwise(chaos: Chaos) -> None:
    report = chaos.run(seed=4)
    assert report.ends["move ok"] > 50, report


FOUND = {
    "gifts are kept": "trade.give made",
    "gifts are lost": "trade.give destroyed",
    "no watermarks": "doubled",
    "two transactions": "wrong sum: there are",
}


@pytest.mark.long
@pytest.mark.parametrize("what", FOUND)
def test_what_is_spoilt_is_found_with_its_seed(what: str, chaos: Chaos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOILT", what)
    chaos.imports = (*chaos.imports, "tests.integration.spoilt")
    with pytest.raises(AssertionError, match=r"^chaos, seed 5: .*") as broken:
        chaos.run(gives_and_walks, seed=5, seconds=15, every_s=1.0, rate=15, faults=WORKERS_DIE)
    assert re.search(FOUND[what], str(broken.value)), str(broken.value)
