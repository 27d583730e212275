import msgspec
import pytest

from gameserver.modules.movement.events import Moved
from gameserver.wire.frames import prefix
from gameserver.wire.packets import Ok
from tests.benchmarks.sights import UNSEEN_US, Sights

PAUSE_S = 0.5
FIRST_V = 41
OTHERS = prefix(msgspec.msgpack.encode(Ok(re=7)))
STRANGER = prefix(msgspec.msgpack.encode(Moved(who="stranger", x=1, y=1, v=3)))


def moved(who: str, v: int) -> bytes:
    return prefix(msgspec.msgpack.encode(Moved(who=who, x=1, y=1, v=v)))


def seen(ages_s: list[float], *, moves: int, by: tuple[str, ...] = ("bea",), crowd: tuple[str, ...] = ("ada", "bea")):
    """Ada moves every half second, is answered and sees herself shortly before these see her, after so long each.

    All have moved once before the window.
    """
    sights = Sights([crowd])
    for name in crowd:
        sights.sends(name, 9.5)
    for n in range(moves):
        sights.sends("ada", 10 + n * PAUSE_S)
    for n, age_s in enumerate([ages_s[0], *ages_s], start=-1):
        at_s = 10 + n * PAUSE_S + age_s
        sights.replied("ada", at_s - 0.02)
        sights.receives("ada", at_s - 0.01, OTHERS + moved("ada", FIRST_V + n))
        for watcher in by:
            sights.receives(watcher, at_s, OTHERS + moved("ada", FIRST_V + n) + STRANGER)
    return sights


def test_a_sight_is_as_old_as_its_move() -> None:
    ages_us = seen([0.1, 0.2, 0.3], moves=3).ages_us(9.99, 99)
    assert ages_us == pytest.approx([100_000, 200_000, 300_000], abs=2)


@pytest.mark.parametrize("late_s", [0.7, 1.2, 5.3])
def test_sights_that_are_all_older_than_the_pause_between_moves_are_told_apart(late_s: float) -> None:
    """Moves go on being sent after the last that is seen."""
    ages_us = seen([late_s] * 8, moves=8 + int(late_s / PAUSE_S)).ages_us(9.99, 10 + 7.5 * PAUSE_S)
    assert ages_us == pytest.approx([late_s * 1e6] * 8, abs=2)


def test_each_other_client_counts_and_only_moves_of_the_window() -> None:
    sights = seen([0.1, 0.2, 0.3, 0.4], moves=4, by=("bea", "cyd"), crowd=("ada", "bea", "cyd"))
    ages_us = sights.ages_us(10 + PAUSE_S, 10 + 3 * PAUSE_S)
    assert ages_us == pytest.approx([200_000, 200_000, 300_000, 300_000], abs=2)


def test_what_someone_did_not_see_is_unseen_and_so_is_what_nobody_saw() -> None:
    sights = seen([0.1, 0.1], moves=3, crowd=("ada", "bea", "cyd"))
    assert sights.ages_us(9.99, 99) == pytest.approx([100_000, -1] * 2 + [UNSEEN_US] * 2, abs=2)


def test_a_walker_who_never_saw_itself_counts_as_unseen() -> None:
    sights = Sights([["ada", "bea"]])
    sights.sends("ada", 10.0)
    sights.sends("bea", 9.0)
    sights.receives("bea", 10.1, moved("ada", 41))
    assert sights.ages_us(9.5, 99) == [UNSEEN_US]


def test_a_sight_counts_when_it_comes_first() -> None:
    sights = seen([0.1], moves=1)
    sights.receives("bea", 12.0, moved("ada", FIRST_V))
    assert sights.ages_us(9.99, 99) == pytest.approx([100_000], abs=2)
