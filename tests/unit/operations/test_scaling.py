"""What is decided about a family's workers: each row of the table, all combinations, and hours of simulated time."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product

import pytest

from gameserver.broker.connections import Depth
from gameserver.operations.scaling import (
    ASKED_S_MAX,
    BETWEEN_S,
    COOL_S,
    FEW_S,
    HOT,
    PAUSE_S,
    Bounds,
    Decision,
    Seen,
    State,
    decide,
    paused,
    see,
)
from gameserver.operations.snapshot import Flight, Snapshot
from tests.unit.operations.moments import gateway, moment, worker

NOW_S = 1_000.0
USUAL = Bounds()
HOT_LONG = State(hot_since_s=NOW_S - 60)
COOL_LONG = State(cool_since_s=NOW_S - COOL_S)
FEW_LONG = State(few_since_s=NOW_S - FEW_S)


def busy(share: float, workers: int = 1, **changes: object) -> Seen:
    given = {"workers": workers, "own": workers, "children": workers, "busy": share, **changes}
    return Seen(**given)  # type: ignore[arg-type]


def decided(seen: Seen, state: State, bounds: Bounds = USUAL) -> Decision:
    return decide("chat", bounds, seen, state, NOW_S)[0]


@pytest.mark.parametrize(
    ("seen", "state", "step", "said"),
    [
        (busy(0.9, blind="no gateway answers"), HOT_LONG, 0, "no gateway answers. Nothing is changed"),
        (busy(0.9), State(asked=2, asked_at_s=NOW_S - 5), 0, ""),
        (busy(0.9, blind="it does not answer yet"), State(asked=2, asked_at_s=NOW_S - 5), 0, ""),
        (
            busy(0.9),
            State(asked=2, asked_at_s=NOW_S - ASKED_S_MAX),
            0,
            "2 were asked for 60 s ago and there is still 1",
        ),
        (busy(0.9), State(paused_until_s=NOW_S + 1), 0, ""),
        (busy(0.0, 0), State(), 0, ""),  # a supervisor may be about to start it again
        (busy(0.0, 0), FEW_LONG, 1, "at least 1 are wanted"),
        (busy(0.2, 9), State(), -1, "at most 8 are allowed"),
        (busy(0.9), State(), 0, ""),  # perhaps it is for a moment
        (busy(0.9, 8), HOT_LONG, 0, "as many workers as it may have"),
        (busy(0.1, oldest_s=3.0), HOT_LONG, 0, "see what they wait for"),
        (busy(0.9, one_writer=True), HOT_LONG, 0, "SQLite has one writer"),
        (busy(0.9, 4, useful=4), HOT_LONG, 0, "More would idle"),
        (busy(0.9, leads=False), HOT_LONG, 0, ""),  # another family makes these workers busy
        (busy(0.75), HOT_LONG, 1, "1 worker busy 75% of the time, the oldest event waits for 0.0 s: 1 more"),
        (busy(0.65, 3), HOT_LONG, 1, "1 more"),
        (busy(0.8, 3), HOT_LONG, 2, "2 more"),
        (busy(1.0, 3), HOT_LONG, 3, "3 more"),  # nobody knows how much there would be to do
        (busy(1.0, 6), HOT_LONG, 2, "2 more"),
        (busy(1.0, 3, useful=4), HOT_LONG, 1, "1 more"),
        (busy(0.1, 4), COOL_LONG, -1, "without one the others would be busy 13%"),
        (busy(0.1, 4), State(cool_since_s=NOW_S - COOL_S + 1), 0, ""),
        (busy(0.1, 4), State(cool_since_s=0, asked_at_s=NOW_S - BETWEEN_S + 1), 0, ""),
        (busy(0.1, 4, own=0), COOL_LONG, 0, ""),  # others started them
        (busy(0.0, 1), COOL_LONG, 0, ""),
        (busy(0.45, 2), COOL_LONG, 0, ""),
        (busy(0.5, 4), HOT_LONG, 0, ""),
    ],
)
def test_the_first_row_that_fits_decides(seen: Seen, state: State, step: int, said: str) -> None:
    found = decided(seen, state)
    assert found.step == step
    assert said in found.why
    assert bool(found.why) == bool(said)


STATES = (
    State(),
    HOT_LONG,
    COOL_LONG,
    FEW_LONG,
    State(asked=3, asked_at_s=NOW_S - 1),
    State(asked=3, asked_at_s=NOW_S - ASKED_S_MAX),
    State(asked=1, up=False, asked_at_s=NOW_S - 1),
    State(hot_since_s=0, paused_until_s=NOW_S + 1),
    State(cool_since_s=0, asked_at_s=NOW_S - 1),
)


def everything() -> Iterator[tuple[Seen, State, Bounds]]:
    """All that can be seen, in all states."""
    bounds = (Bounds(1, 8), Bounds(0, 2), Bounds(2, 2))
    shares, ages = (0.0, 0.3, 0.5, HOT, 0.95, 1.0), (0.0, 0.9, 1.0, 30.0)
    flags = product((False, True), repeat=2)
    for workers, own, share, oldest_s, useful, (leads, writer), blind, state, bound in product(
        (0, 1, 2, 5, 9), (0, 1, 9), shares, ages, (0, 2, 6), flags, ("", "blind"), STATES, bounds
    ):
        seen = Seen(
            blind=blind,
            workers=workers,
            own=min(own, workers),
            children=workers,
            busy=share,
            leads=leads,
            oldest_s=oldest_s,
            useful=useful,
            one_writer=writer,
        )
        yield seen, state, bound


def test_whatever_is_seen_in_whatever_state_no_bound_is_broken() -> None:
    count = 0
    for seen, state, bounds in everything():
        found, after = decide("chat", bounds, seen, state, NOW_S)
        count += 1
        where = f"{seen} {state} {bounds} {found}"
        if not found.step:
            assert after.asked in (None, state.asked), where
            continue
        assert found.why.startswith("chat: "), where
        assert not seen.blind, where
        assert state.paused_until_s <= NOW_S, where
        assert after.asked == seen.workers + found.step, where
        assert after.asked_at_s == NOW_S, where
        if found.step > 0:
            assert seen.workers < bounds.least or (seen.hot and not seen.one_writer), where
            assert seen.workers + found.step <= bounds.most, where
        else:
            assert found.step == -1, where
            assert seen.own > 0, where
            assert seen.workers + found.step >= bounds.least, where
            assert seen.workers > bounds.most or (seen.cool and not seen.hot), where
    assert count > 100_000


class World:
    """A family under a load, in children's time; workers come and go some seconds after they were asked for."""

    def __init__(self, load: Callable[[float], float], bounds: Bounds = USUAL, takes_s: float = 3.0) -> None:
        self.load = load
        self.bounds = bounds
        self.takes_s = takes_s
        self.workers = 1
        self.state = State()
        self.at_s = 0.0
        self.steps: list[tuple[float, int]] = []
        self.most_behind_s = 0.0  # children's time that was wanted and not to be had
        self._due: list[tuple[float, int]] = []
        self._behind_s = 0.0

    def run(self, until_s: float) -> "World":
        while self.at_s < until_s:
            self._come_and_go()
            self._behind_s = max(0.0, self._behind_s + self.load(self.at_s) - self.workers)
            self.most_behind_s = max(self.most_behind_s, self._behind_s)
            self._look()
            self.at_s += 1.0
        return self

    def _come_and_go(self) -> None:
        self.workers += sum(step for due_s, step in self._due if due_s <= self.at_s)
        self._due = [(due_s, step) for due_s, step in self._due if due_s > self.at_s]

    def _look(self) -> None:
        share = min(1.0, (self.load(self.at_s) + self._behind_s) / self.workers)
        seen = busy(share, self.workers, oldest_s=self._behind_s / self.workers)
        decision, self.state = decide("chat", self.bounds, seen, self.state, self.at_s)
        if decision.step:
            self.steps.append((self.at_s, decision.step))
            self._due.append((self.at_s + self.takes_s, decision.step))


def test_ten_times_the_load_within_a_minute_is_met_and_five_minutes_later_all_is_as_before() -> None:
    def load(at_s: float) -> float:
        return 0.4 * (1 + 9 * min(1.0, max(0.0, (at_s - 100) / 60))) if at_s < 400 else 0.4

    peak = World(load).run(399)
    assert peak.workers * HOT >= 4.0
    assert peak.most_behind_s < 0.5  # nobody had to wait for half a second
    assert World(load).run(700).workers == 1


def test_a_sudden_load_is_met_by_doubling() -> None:
    world = World(lambda at_s: 0.4 if at_s < 100 else 4.0).run(200)
    assert world.workers * HOT >= 4.0
    assert [step for _, step in world.steps][:2] == [1, 2]
    assert world.steps[-1][0] < 130


@pytest.mark.parametrize("load", [n / 6 for n in range(33)])
def test_under_a_steady_load_nothing_swings(load: float) -> None:
    world = World(lambda _: load)
    world.workers = 6
    world.run(600)
    settled = len(world.steps)
    assert len(world.run(3600).steps) == settled
    directions = [math.copysign(1, step) for _, step in world.steps]
    assert sum(a != b for a, b in pairwise(directions)) <= 1


def test_a_load_that_comes_and_goes_every_half_minute_keeps_the_workers_of_its_peaks() -> None:
    world = World(lambda at_s: 3.0 if at_s % 60 < 30 else 0.2).run(3600)
    assert world.workers * HOT >= 3.0
    assert world.steps[-1][0] < 300


def test_workers_that_never_come_are_asked_for_again_after_a_pause() -> None:
    world = World(lambda _: 2.0, takes_s=math.inf).run(3 * (ASKED_S_MAX + PAUSE_S))
    times = [at_s for at_s, _ in world.steps]
    assert [round(b - a) for a, b in pairwise(times)] == [ASKED_S_MAX + PAUSE_S] * (len(times) - 1)
    assert len(times) == 3


def test_what_was_not_done_is_not_asked_for_again_at_once() -> None:
    _, after = decide("chat", Bounds(), busy(0.9), HOT_LONG, NOW_S)
    assert decided(busy(0.9), paused(after, NOW_S)).step == 0


def moments(**changes: object) -> tuple[Snapshot, Snapshot]:
    """Ten seconds of two workers: one of chat, one of chat and combat."""
    before = moment(0, workers=(worker("chat1@h", "chat"), worker("all1@h", "chat", "combat", "combat.attack")))
    after = moment(
        10,
        workers=(
            worker("chat1@h", "chat", busy_s={"chat": 8.0}),
            worker("all1@h", "chat", "combat", "combat.attack", busy_s={"chat": 1.0, "combat": 5.0}),
        ),
        **changes,
    )
    return before, after


def test_workers_of_several_families_are_as_busy_as_they_are_and_the_family_that_makes_them_so_leads() -> None:
    chat, combat = (see(*moments(), family, None, one_writer=False) for family in ("chat", "combat"))
    assert (chat.workers, chat.own, chat.children, chat.busy, chat.leads) == (2, 1, 2, 0.7, True)
    assert (combat.workers, combat.own, combat.children, combat.busy, combat.leads) == (1, 0, 1, 0.6, True)
    assert see(*moments(), "chat", 0, one_writer=True).own == 0


def test_the_bound_is_what_gateways_send_at_once() -> None:
    sending = {"gateways": (gateway(batches={"chat.say": 5}, oldest_s={"chat": 2.5}),)}
    before, now = moments(flight=Flight(batches_max=2, queues={"chat.say": 1, "chat.whisper": 1}), **sending)
    before = moment(0, workers=before.workers, gateways=(gateway(batches={"chat.say": 1}),))
    seen = see(before, now, "chat", None, one_writer=False)
    assert (seen.useful, seen.oldest_s) == (2, 2.5)


def test_without_a_gateway_or_where_a_worker_is_silent_nothing_is_known() -> None:
    assert "no gateway answers" in see(*moments(gateways=()), "chat", None, one_writer=False).blind
    silent = moments(depths={"chat": Depth(0, 3), "combat": Depth(0, 1)})
    assert (
        "1 worker of it, which the broker counts, does not answer" in see(*silent, "chat", None, one_writer=False).blind
    )
    assert see(*silent, "combat", None, one_writer=False).blind == ""


def test_a_family_that_nobody_serves_is_seen_as_such() -> None:
    seen = see(*moments(depths={"world": Depth(2, 0)}), "world", 0, one_writer=False)
    assert (seen.workers, seen.children, seen.busy) == (0, 0, 0.0)
