"""The benchmark of transfers finds coins that were lost, doubled or kept from their receivers."""

import msgspec
import pytest

from tests.benchmarks.transfer_load import Report
from tests.benchmarks.transfers import COINS, coins_table, contradictions

BEFORE = {"ada": 10, "bob": 10}
# Ada gave Bob three coins, and he was told of them.
SEEN = Report(
    took_us=[1, 1, 1],
    done=3,
    refused={},
    given={"ada": 3},
    taken={"bob": 3},
    told={"ada": 0, "bob": 3},
    notices=1,
    unanswered=0,
    lost=0,
    cpu_s=0.0,
    seconds=1.0,
)


def test_what_was_answered_and_kept_contradicts_nothing() -> None:
    assert contradictions(SEEN, BEFORE, {"ada": 7, "bob": 13}, told=True) == []


@pytest.mark.parametrize(
    ("after", "changes", "said"),
    [
        ({"ada": 7, "bob": 12}, {}, "bob has 12 instead of 13"),
        ({"ada": 6, "bob": 13}, {}, "ada has 6 instead of 7"),
        ({"ada": 7, "bob": 13}, {"told": {"ada": 0, "bob": 2}}, "bob was told of 2 instead of 3"),
        ({"ada": 7, "bob": 13}, {"unanswered": 1}, "1 were not answered"),
    ],
)
def test_what_contradicts_it_is_said(after: dict[str, int], changes: dict[str, object], said: str) -> None:
    seen = msgspec.structs.replace(SEEN, **changes)
    assert contradictions(seen, BEFORE, after, told=True) == [said]


def test_the_coins_are_found_whatever_entity_holds_them() -> None:
    assert {"id", "coins"} <= set(coins_table().columns.keys())
    assert COINS > 0
