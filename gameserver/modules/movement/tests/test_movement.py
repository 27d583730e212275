from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.modules.movement.appearance import being
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Appeared, Being, Look, Move, Moved, Vanished, Walked
from gameserver.modules.movement.maps import Portal
from gameserver.modules.movement.rules import EARLY_MS, STEP_MS, STEPS
from gameserver.modules.movement.view import (
    CELL,
    cell_of,
    cell_topic,
    in_view,
    sees_the_same,
    view_box,
    view_topics,
)
from gameserver.testing.two_zones import MEADOW, NOW_MS, absent, circumstances, creature, play, player, put, state, told
from gameserver.testing.whole_entities import Whole

DIRECTIONS = sorted(STEPS)
STALL_MS_MAX = 3_000  # what a network may hold back without harm
xs, ys = st.integers(0, MEADOW.width - 1), st.integers(0, MEADOW.height - 1)


def walk(body: Whole, direction: Any, now_ms: int = NOW_MS) -> Any:
    return play(Move(dir=direction, seq=1), state(body), circumstances(body, now_ms=now_ms))


def refusal(body: Whole, direction: Any, now_ms: int = NOW_MS) -> str:
    with pytest.raises(Rejected) as refused:
        walk(body, direction, now_ms)
    return refused.value.code


@pytest.mark.parametrize(
    ("direction", "x", "y"),
    [
        ("n", 12, 9),
        ("ne", 13, 9),
        ("e", 13, 10),
        ("se", 13, 11),
        ("s", 12, 11),
        ("sw", 11, 11),
        ("w", 11, 10),
        ("nw", 11, 9),
    ],
)
def test_each_direction_leads_one_tile_on(direction: str, x: int, y: int) -> None:
    outcome = walk(player(), direction)
    walker = put(outcome, "ada")
    assert (walker.zone, walker.x, walker.y, walker.v) == ("meadow", x, y, 2)
    assert outcome.result == Walked(zone="meadow", x=x, y=y)


@pytest.mark.parametrize(
    ("x", "y", "direction"),
    [(4, 5, "e"), (8, 5, "w"), (5, 4, "s"), (4, 4, "se"), (0, 10, "w"), (31, 5, "e"), (9, 0, "n"), (9, 19, "s")],
)
def test_walls_and_edges_are_in_the_way(x: int, y: int, direction: str) -> None:
    assert refusal(player(x=x, y=y), direction) == "wall"


def test_a_portal_leads_to_another_zone() -> None:
    before = player(x=30, y=10)
    outcome = walk(before, "e")
    walker = put(outcome, "ada")
    assert (walker.zone, walker.x, walker.y) == ("town", 1, 1)
    assert outcome.result == Walked(zone="town", x=1, y=1)
    appeared, vanished = outcome.notifications
    assert (appeared.to, vanished.to) == (("zone.town/0.0",), (cell_of(before),))
    assert outcome.follow is not None
    assert outcome.follow.watch == {"view": view_topics(walker)}
    assert outcome.follow.own_cell == cell_of(walker) != cell_of(before)
    assert outcome.follow.watch["view"][0] == "zone.town"


def test_the_dead_and_the_absent_do_not_walk() -> None:
    assert refusal(player(dead_until_ms=NOW_MS + 1), "n") == "dead"
    with pytest.raises(NotNow, match="not_here"):
        play(Move(dir="n"), state(absent(player())), circumstances(player()))
    with pytest.raises(NotNow, match="not_here"):
        play(Move(dir="n"), state(), circumstances(player()))


# What others see.


def test_a_step_within_a_cell_is_seen_as_a_step() -> None:
    outcome = walk(player(), "e")
    (tell,) = outcome.notifications
    assert tell.notice == Moved(who="ada", x=13, y=10, v=2)
    assert (tell.to, tell.unless, outcome.follow) == (("zone.meadow/1.1",), (), None)


def test_a_step_into_another_cell_is_an_arrival_and_a_leaving() -> None:
    outcome = walk(player(x=15), "e")
    appeared, vanished = outcome.notifications
    assert appeared.notice == Appeared(being=seen(player(x=16, v=2)))
    assert (appeared.to, appeared.unless) == (("zone.meadow/2.1",), ())
    assert vanished.notice == Vanished(who="ada", v=2)
    assert (vanished.to, vanished.unless) == (("zone.meadow/1.1",), ("zone.meadow/2.1",))
    assert outcome.follow is not None
    assert (outcome.follow.then, outcome.follow.watch["view"]) == ("look", view_topics(put(outcome, "ada")))


@given(xs, ys, st.sampled_from(DIRECTIONS), xs, ys)
def test_every_observer_is_told_exactly_what_changes_for_them(
    x: int, y: int, direction: str, other_x: int, other_y: int
) -> None:
    before = player(x=x, y=y)
    dx, dy = STEPS[direction]
    assume(MEADOW.walkable(x + dx, y + dy) and MEADOW.on(Portal, x + dx, y + dy) is None)
    outcome = walk(before, direction)
    after = put(outcome, "ada")
    observer = player("Bob", x=other_x, y=other_y)
    watched = set(view_topics(observer))
    heard = [type(t.notice) for t in outcome.notifications if watched & set(t.to) and not watched & set(t.unless)]
    saw, sees = in_view(observer, before), in_view(observer, after)
    if not sees:
        assert heard == [Vanished] * saw
    else:
        assert heard == [Moved if cell_of(before) == cell_of(after) else Appeared]


@given(xs, ys, xs, ys)
def test_one_sees_those_whose_cell_one_watches(x: int, y: int, other_x: int, other_y: int) -> None:
    viewer, other = player(x=x, y=y), player("Bob", x=other_x, y=other_y)
    assert in_view(viewer, other) == (cell_of(other) in view_topics(viewer)) == in_view(other, viewer)
    far = max(abs(x - other_x), abs(y - other_y))
    assert in_view(viewer, other) or far > CELL
    assert not in_view(viewer, other) or far < 2 * CELL


def test_the_same_place_in_another_zone_is_another_sight() -> None:
    assert sees_the_same(player(x=8, y=8), player(x=15, y=15))
    assert not sees_the_same(player(x=8, y=8), player(x=8, y=8, zone="town"))


def test_a_view_is_nine_cells_and_the_zone() -> None:
    viewer = player(x=12, y=10)
    assert view_box(viewer) == (0, 0, 23, 23)
    assert len(set(view_topics(viewer))) == 10
    assert cell_topic("meadow", 0, 0) in view_topics(viewer)
    assert cell_topic("meadow", -1, 7) == "zone.meadow/-1.0"


# The speed limit.


def steps_taken(times_ms: list[int]) -> list[int]:
    """The times at which a player who tries to walk at all of these got on."""
    body, taken = player(x=12, y=10), []
    for n, now_ms in enumerate(times_ms):
        try:
            walked = put(walk(body, "ew"[n % 2], now_ms), "ada")
            body = replace(body, x=walked.x, steps_due_ms=walked.steps_due_ms)
            taken.append(now_ms)
        except Rejected:
            continue
    return taken


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, STALL_MS_MAX)), max_size=60))
def test_an_honest_client_behind_a_stalling_network_never_meets_the_limit(steps: list[tuple[int, int]]) -> None:
    sent_ms, arrives_ms, arrivals = NOW_MS, NOW_MS, []
    for pause_ms, delay_ms in steps:
        sent_ms += STEP_MS + pause_ms
        arrives_ms = max(arrives_ms, sent_ms + delay_ms)  # a stream keeps its order
        arrivals.append(arrives_ms)
    assert steps_taken(arrivals) == arrivals


def test_a_burst_is_bounded() -> None:
    assert len(steps_taken([NOW_MS] * 100)) == EARLY_MS // STEP_MS + 1


@given(st.lists(st.integers(0, 300), max_size=150))
def test_nobody_is_faster_than_the_limit_in_the_long_run(pauses_ms: list[int]) -> None:
    times = [NOW_MS + sum(pauses_ms[:n]) for n in range(len(pauses_ms))]
    taken = steps_taken(times)
    for first in range(0, len(taken), 10):
        stretch = taken[first:]
        assert len(stretch) <= (stretch[-1] - stretch[0] + EARLY_MS) // STEP_MS + 1


def test_a_refused_step_costs_no_time() -> None:
    body = player(x=4, y=5)
    assert refusal(body, "e") == "wall"
    assert put(walk(body, "w"), "ada").steps_due_ms == NOW_MS + STEP_MS


# Looking around.


def seen(thing: Any) -> Being:
    """A player or creature as others see it."""
    kind = Body if isinstance(thing, Whole) else type(thing)
    shown = state(thing)
    return being(shown, shown.of(kind)[thing.id])


def look(viewer: Whole, *others: Any) -> Any:
    outcome = play(Look(seq=1), state(viewer, *others), circumstances(viewer))
    (tell,) = outcome.notifications
    assert (tell.conn, tell.gateway, tell.to, tell.player) == (viewer.conn, "g1", (), "")
    assert (outcome.put, outcome.result) == ((), None)
    return tell.notice


def test_a_view_shows_the_zone_and_oneself() -> None:
    viewer = player()
    view = look(viewer)
    assert (view.zone, view.title, view.width, view.height) == ("meadow", "The Meadow", 32, 20)
    assert (view.you, view.beings) == (seen(viewer), [])


@pytest.mark.parametrize(
    ("other", "is_seen"),
    [
        (player("Bob", x=0, y=0), True),
        (player("Bob", x=23, y=19), True),
        (player("Bob", x=24, y=10), False),
        (player("Bob", zone="town", x=4, y=4), False),
        (absent(player("Bob")), False),
        (player("Bob", dead_until_ms=5), False),
        (creature(x=13, y=10), True),
        (creature(x=24, y=10), False),
        (creature(x=13, y=10, dead_until_ms=5), False),
        (creature("town.rat.1", x=6, y=6), False),
    ],
)
def test_those_in_the_box_are_seen_if_they_are_there_and_alive(other: Any, is_seen: bool) -> None:
    assert look(player(), other).beings == ([seen(other)] if is_seen else [])


def test_a_creature_is_seen_by_its_kinds_title_and_a_player_by_name() -> None:
    rat, bob = look(player(), creature(), player("Bob")).beings[::-1]
    assert (rat.name, rat.kind, rat.hp) == ("Rat", "rat", 12)
    assert (bob.name, bob.kind, bob.id) == ("Bob", "player", "bob")


def test_the_dead_may_look() -> None:
    assert look(player(dead_until_ms=5)).you.id == "ada"


def test_notices_of_a_step_carry_the_new_count_of_changes() -> None:
    appeared, vanished = told(walk(player(x=15), "e"))
    assert isinstance(appeared, Appeared)
    assert isinstance(vanished, Vanished)
    assert (appeared.being.v, vanished.v) == (2, 2)


def test_who_is_too_fast_is_told_so() -> None:
    assert refusal(player(steps_due_ms=NOW_MS + EARLY_MS + 1), "n") == "too_fast"
    assert put(walk(player(steps_due_ms=NOW_MS + EARLY_MS), "n"), "ada").y == 9


def test_who_comes_from_a_gateway_whose_clock_was_ahead_may_walk() -> None:
    assert put(walk(player(steps_due_ms=NOW_MS + 600_000), "n"), "ada").steps_due_ms == NOW_MS + STEP_MS
