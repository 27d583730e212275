"""How old what players see is. Ada moves every half second, is answered and sees herself; others see her later."""

import msgspec
import pytest

from gameserver.declare.packet_parts import complete
from gameserver.modules.movement.events import Appeared, Being, Moved, View, Walked
from gameserver.wire.frames import prefix
from gameserver.wire.packets import Error, Ok
from tests.benchmarks.sights import UNSEEN_US, Sights

PAUSE_S = 0.5
BEGIN_S = 10.0
BEFORE_V = 40  # Ada's, at her entrance
SEQ = 1000
STRANGER = prefix(msgspec.msgpack.encode(Moved(who="stranger", x=1, y=1, v=3)))


def frame(packet: object) -> bytes:
    return prefix(msgspec.msgpack.encode(packet))


def being(v: int) -> Being:
    return complete(Being)(id="ada", name="Ada", kind="player", x=0, y=1, hp=100, v=v)


def moved(n: int, *, x: int | None = None) -> bytes:
    """Ada's n-th move, counted from 0, as others see it."""
    return frame(Moved(who="ada", x=n % 2 if x is None else x, y=1, v=BEFORE_V + 1 + n))


def ok(n: int) -> bytes:
    return frame(Ok(re=SEQ + n, data=Walked(zone="z0", x=n % 2, y=1)))


def played(moves: int, *watchers: str, refused: tuple[int, ...] = (), entrance: bytes | None = None) -> Sights:
    """Ada has entered and made these moves."""
    sights = Sights([("ada", *(watchers or ("bea",)))])
    sights.receives("ada", BEGIN_S - 1, frame(Appeared(being=being(BEFORE_V))) if entrance is None else entrance)
    for n in range(moves):
        sights.sends("ada", SEQ + n, BEGIN_S + n * PAUSE_S)
        reply = frame(Error(code="too_fast", message="", re=SEQ + n)) if n in refused else ok(n)
        sights.receives("ada", BEGIN_S + n * PAUSE_S + 0.01, STRANGER + reply)
    return sights


def see(sights: Sights, watcher: str, n: int, age_s: float) -> None:
    """A watcher reads of a move so long after it was sent."""
    sights.receives(watcher, BEGIN_S + n * PAUSE_S + age_s, STRANGER + moved(n))


def ages_ms(sights: Sights, begin_s: float = BEGIN_S - 0.01, end_s: float = 99.0) -> list[int]:
    return [us // 1000 if us >= 0 else us for _, us in sights.ages(begin_s, end_s)]


def test_a_sight_is_as_old_as_its_move_and_says_when_that_was_sent() -> None:
    sights = played(3)
    for n, age_s in enumerate((0.1, 0.2, 0.3)):
        see(sights, "bea", n, age_s)
    assert ages_ms(sights) == [100, 200, 300]
    assert [ms for ms, _ in sights.ages(BEGIN_S, 99.0)] == [0, 500, 1000]


@pytest.mark.parametrize("late_s", [0.7, 1.2, 5.3])
def test_sights_that_are_all_older_than_the_pause_between_moves_are_told_apart(late_s: float) -> None:
    sights = played(20)
    for n in range(20):
        see(sights, "bea", n, late_s)
        see(sights, "ada", n, late_s)  # nor does a mover who sees itself as late as others do hide it
    assert ages_ms(sights) == [int(late_s * 1000)] * 20


def test_the_whole_view_at_the_entrance_tells_where_counting_begins_too() -> None:
    view = View(zone="z0", title="", width=8, height=8, you=being(BEFORE_V), beings=[])
    sights = played(1, entrance=frame(view))
    see(sights, "bea", 0, 0.1)
    assert ages_ms(sights) == [100]


def test_each_other_client_counts_and_only_moves_of_the_window() -> None:
    sights = played(4, "bea", "cyd")
    for n in range(4):
        see(sights, "bea", n, 0.1)
        see(sights, "cyd", n, 0.2)
    assert ages_ms(sights, BEGIN_S + PAUSE_S, BEGIN_S + 3 * PAUSE_S) == [100, 100, 200, 200]


def test_what_someone_did_not_see_is_unseen_and_so_is_what_nobody_saw() -> None:
    sights = played(2, "bea", "cyd")
    see(sights, "bea", 0, 0.1)
    assert ages_ms(sights) == [100, UNSEEN_US, UNSEEN_US, UNSEEN_US]


def test_a_newer_place_shows_the_moves_before_it_too() -> None:
    sights = played(3)
    see(sights, "bea", 2, 0.1)  # and nothing of the two before
    assert ages_ms(sights) == [1100, 600, 100]


def test_an_older_place_shows_nothing_however_often_it_comes() -> None:
    sights = played(2)
    see(sights, "bea", 0, 0.1)
    for again_s in (PAUSE_S + 0.05, PAUSE_S + 0.1):  # what was true before the second move, told again after it
        see(sights, "bea", 0, again_s)
    assert ages_ms(sights) == [100, UNSEEN_US]


def test_a_place_where_the_walker_does_not_stand_shows_nothing() -> None:
    sights = played(1)
    sights.receives("bea", BEGIN_S + 0.1, moved(0, x=5))
    see(sights, "bea", 0, 0.3)
    assert ages_ms(sights) == [300]


def test_a_sight_counts_when_it_comes_first() -> None:
    sights = played(1)
    see(sights, "bea", 0, 0.1)
    see(sights, "bea", 0, 2.0)
    assert ages_ms(sights) == [100]


def test_a_refused_move_is_unseen_and_those_after_it_are_as_old_as_they_are() -> None:
    sights = played(3, refused=(1,))
    see(sights, "bea", 0, 0.1)
    # The third is the second that counts.
    sights.receives("bea", BEGIN_S + 2 * PAUSE_S + 0.2, frame(Moved(who="ada", x=0, y=1, v=BEFORE_V + 2)))
    assert ages_ms(sights) == [100, UNSEEN_US, 200]


def test_a_walker_whose_count_is_not_known_counts_as_unseen() -> None:
    sights = played(1, entrance=b"")
    see(sights, "bea", 0, 0.1)
    assert ages_ms(sights) == [UNSEEN_US]


def test_a_walker_who_was_seen_to_move_before_it_did_counts_as_unseen() -> None:
    """Something else moved it, an earlier run's move perhaps: then which move is which is not known."""
    sights = played(2)
    see(sights, "bea", 0, 0.1)
    see(sights, "bea", 1, -0.2)
    assert ages_ms(sights) == [UNSEEN_US, UNSEEN_US]
