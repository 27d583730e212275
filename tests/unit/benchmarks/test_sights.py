import msgspec
import pytest

from gameserver.events.movement import Moved
from gameserver.wire.frames import prefix
from gameserver.wire.packets import Ok
from tests.benchmarks.sights import UNSEEN_US, Sights

PAUSE_S = 0.5
OTHERS = prefix(msgspec.msgpack.encode(Ok(re=7)))


def moved(who: str, v: int) -> bytes:
    return prefix(msgspec.msgpack.encode(Moved(who=who, x=1, y=1, v=v)))


def seen(ages_s: list[float], *, watchers: tuple[str, ...] = ("bea",), first_v: int = 41) -> Sights:
    """Ada moves every half second, and is seen to; so old is each sight."""
    sights = Sights(["ada", *watchers])
    for n, age_s in enumerate(ages_s):
        sights.sends("ada", 10 + n * PAUSE_S)
        frames = OTHERS + moved("ada", first_v + n) + moved("stranger", 3)
        for watcher in watchers:
            sights.receives(watcher, 10 + n * PAUSE_S + age_s, frames)
    return sights


def test_a_sight_is_as_old_as_its_move() -> None:
    ages_us = seen([0.1, 0.2, 0.3]).ages_us(0, 99)
    assert ages_us == pytest.approx([100_000, 200_000, 300_000], abs=2)


def test_one_sight_that_is_certain_tells_the_age_of_all() -> None:
    ages_us = seen([1.3, 0.7, 0.1, 2.6, 1.1]).ages_us(0, 99)
    assert ages_us == pytest.approx([1_300_000, 700_000, 100_000, 2_600_000, 1_100_000], abs=2)


def test_each_watcher_counts_and_only_moves_of_the_window() -> None:
    ages_us = seen([0.1, 0.2, 0.3, 0.4], watchers=("bea", "cyd")).ages_us(10 + PAUSE_S, 10 + 3 * PAUSE_S)
    assert ages_us == pytest.approx([200_000, 300_000] * 2, abs=2)


def test_what_one_of_them_did_not_see_is_unseen() -> None:
    sights = seen([0.1, 0.1])
    sights.sends("ada", 11)
    assert sights.ages_us(0, 99)[-1] == UNSEEN_US


def test_what_is_seen_of_an_earlier_run_is_nobodys() -> None:
    sights = Sights(["ada", "bea"])
    sights.receives("bea", 9.0, moved("ada", 40))
    assert sights.ages_us(0, 99) == []
    sights.sends("ada", 10.0)
    sights.receives("bea", 10.1, moved("ada", 41))
    assert sights.ages_us(0, 99) == pytest.approx([100_000], abs=2)


def test_a_sight_counts_when_it_comes_first() -> None:
    sights = seen([0.1])
    sights.receives("bea", 12.0, moved("ada", 41))
    assert sights.ages_us(0, 99) == pytest.approx([100_000], abs=2)
