"""When a family gets more workers, and when one goes: decided from what is seen, the time and earlier decisions.

Workers come when those that are there work most of their time, or events grow old; one goes when those that were left
would be idle most of their time, for a minute. Between these two lies a range in which nothing is changed.
"""

import math
from collections.abc import Callable

import msgspec

from gameserver.operations import batch_bound
from gameserver.operations.advise import OLD_S, short_of_descriptors
from gameserver.operations.rates import worker_rates
from gameserver.operations.snapshot import Snapshot, Worker
from gameserver.store.engine import CONNECTIONS_MAX

HOT = 0.6  # more than this share of their time: nothing is left for a burst
FULL = 0.95  # nobody knows how much more they would have to do
AIM = 0.5  # the share to which more workers bring it
COOL = 0.4  # the largest share that may be left to those who stay
HOT_S = 1.0  # so long, before somebody comes
FEW_S = 10.0  # so long, before somebody comes for one that is missing: a supervisor restarts what died
COOL_S = 60.0  # so long, before anybody goes
BETWEEN_S = 30.0  # between two that go
ASKED_S_MAX = 60.0  # for a worker to come or to go
PAUSE_S = 60.0  # after that was not enough
UNBOUNDED = 1_000_000  # more workers than anybody has


class Bounds(msgspec.Struct, frozen=True):
    """How many workers a family has at least and at most."""

    least: int = 1
    most: int = 8


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A family now. ``blind``: why nothing is known of it, "" when all is.

    ``workers`` serve it; ``own`` of them can be stopped by whoever decides. ``busy``: the share of their children's
    time, whatever they worked on. ``leads``: no other family has more of that. ``useful``: children beyond this number
    would idle; 0 when that is not known. ``one_writer``: the database takes from one worker at a time.
    ``room``: for so many more workers there are connections, and ``lacks``: what is missing where there are none.
    """

    blind: str = ""
    workers: int = 0
    own: int = 0
    children: int = 0
    busy: float = 0.0
    leads: bool = True
    oldest_s: float = 0.0
    useful: int = 0
    one_writer: bool = False
    room: int = UNBOUNDED
    lacks: str = ""

    @property
    def hot(self) -> bool:
        """Whether there is too much for these workers."""
        return self.oldest_s >= OLD_S or (self.busy >= HOT and self.leads)

    @property
    def cool(self) -> bool:
        """Whether one of them is too many. The last one never is."""
        return self.children > 1 and self.oldest_s < OLD_S and self.busy * self.children <= COOL * (self.children - 1)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided before, and since when a family has been hot, cool or short of workers.

    ``asked``: how many workers there will be when what was asked for is done, ``None`` when it is; ``up``: whether they
    are more. ``paused_until_s``: nothing is asked for before.
    """

    asked: int | None = None
    up: bool = True
    asked_at_s: float = -math.inf
    hot_since_s: float = math.inf
    cool_since_s: float = math.inf
    few_since_s: float = math.inf
    paused_until_s: float = -math.inf


class Decision(msgspec.Struct, frozen=True):
    """So many workers more, or fewer, and why; "" when there is nothing to say."""

    step: int = 0
    why: str = ""


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of the table looks at."""

    family: str
    bounds: Bounds
    seen: Seen
    state: State
    at_s: float

    @property
    def awaited(self) -> bool:
        return self.state.asked is not None

    @property
    def overdue(self) -> bool:
        return self.awaited and self.at_s >= self.state.asked_at_s + ASKED_S_MAX

    @property
    def paused(self) -> bool:
        return self.at_s < self.state.paused_until_s

    @property
    def hot(self) -> bool:
        return self.seen.hot

    @property
    def cooled(self) -> bool:
        """Whether it has been cool for long, and none went just now."""
        long = self.at_s >= self.state.cool_since_s + COOL_S
        return long and self.at_s >= self.state.asked_at_s + BETWEEN_S

    @property
    def wanted(self) -> int:
        """How many more are wanted: as many as the work takes, at most twice as many as there are."""
        seen = self.seen
        by_work = math.ceil(round(seen.busy * seen.children / AIM, 6)) - seen.children
        unknown = seen.children if seen.busy >= FULL else 1
        room = min(self.bounds.most - seen.workers, seen.room)
        of_use = seen.useful - seen.children if seen.useful else room
        return max(1, min(max(by_work, unknown), max(1, seen.children), room, of_use))

    @property
    def how(self) -> str:
        seen = self.seen
        workers = f"{_count(seen.workers, 'worker')} busy {seen.busy:.0%} of the time"
        return f"{self.family}: {workers}, the oldest event waits for {seen.oldest_s:.1f} s"


_Row = tuple[Callable[[_View], bool], Callable[[_View], Decision]]


def _hold(why: str) -> Callable[[_View], Decision]:
    return lambda view: Decision(0, why and f"{view.how}. {why}")


def _blind(view: _View) -> Decision:
    return Decision(0, f"{view.family}: {view.seen.blind}. Nothing is changed")


def _late(view: _View) -> Decision:
    asked, there = view.state.asked, _count(view.seen.workers, "worker")
    return Decision(
        0,
        f"{view.family}: {asked} were asked for {ASKED_S_MAX:.0f} s ago and there is still {there}: see their logs. "
        f"Nothing is tried for {PAUSE_S:.0f} s",
    )


def _lacking(view: _View) -> Decision:
    return Decision(0, f"{view.how}. No worker is started: {view.seen.lacks}")


def _few(view: _View) -> Decision:
    missing = min(view.bounds.least - view.seen.workers, view.seen.room)
    there = _count(view.seen.workers, "worker")
    return Decision(missing, f"{view.family}: {there}, and at least {view.bounds.least} are wanted: {missing} more")


def _many(view: _View) -> Decision:
    there = _count(view.seen.workers, "worker")
    return Decision(-1, f"{view.family}: {there}, and at most {view.bounds.most} are allowed: one less")


def _more(view: _View) -> Decision:
    return Decision(view.wanted, f"{view.how}: {view.wanted} more")


def _less(view: _View) -> Decision:
    seen = view.seen
    rest = seen.busy * seen.children / (seen.children - 1)
    return Decision(-1, f"{view.how}, for a minute now; without one the others would be busy {rest:.0%}: one less")


# The first row that fits decides.
_TABLE: tuple[_Row, ...] = (
    (lambda v: v.awaited and not v.overdue, _hold("")),  # the broker may count it before it answers
    (lambda v: bool(v.seen.blind), _blind),
    (lambda v: v.overdue, _late),
    (lambda v: v.paused, _hold("")),
    (lambda v: v.seen.workers < v.bounds.least and v.at_s < v.state.few_since_s + FEW_S, _hold("")),
    (lambda v: v.seen.workers < v.bounds.least and bool(v.seen.lacks), _lacking),
    (lambda v: v.seen.workers < v.bounds.least, _few),
    (lambda v: v.seen.workers > v.bounds.most and v.seen.own > 0, _many),
    (lambda v: v.hot and v.at_s < v.state.hot_since_s + HOT_S, _hold("")),
    (lambda v: v.hot and v.seen.workers >= v.bounds.most, _hold("It has as many workers as it may have (--workers)")),
    (
        lambda v: v.hot and v.seen.busy < HOT,
        _hold("More would not help: see what they wait for (database, broker, logs)"),
    ),
    (
        lambda v: v.hot and v.seen.one_writer,
        _hold("SQLite has one writer at a time: PostgreSQL would help, more would not"),
    ),
    (
        lambda v: v.hot and 0 < v.seen.useful <= v.seen.children,
        _hold("More would idle: no more batches are under way at once (docs/operating.md, Connections and batches)"),
    ),
    (lambda v: v.hot and bool(v.seen.lacks), _lacking),
    (lambda v: v.hot, _more),
    (lambda v: v.cooled and v.seen.workers > v.bounds.least and v.seen.own > 0, _less),
    (lambda _: True, _hold("")),
)


def decide(family: str, bounds: Bounds, seen: Seen, state: State, at_s: float) -> tuple[Decision, State]:
    """Decide what to do about a family, and what to remember. ``at_s``: a clock that only goes forward."""
    known = state if seen.blind else _noticed(bounds, seen, state, at_s)
    view = _View(family=family, bounds=bounds, seen=seen, state=known, at_s=at_s)
    decision = next(then(view) for when, then in _TABLE if when(view))
    return decision, _remembered(view, decision)


def _noticed(bounds: Bounds, seen: Seen, state: State, at_s: float) -> State:
    """Remember since when it is hot, cool or short of workers, and whether what was asked for is done."""
    done = state.asked is not None and (seen.workers >= state.asked if state.up else seen.workers <= state.asked)
    return msgspec.structs.replace(
        state,
        asked=None if done else state.asked,
        hot_since_s=_since(state.hot_since_s, seen.hot, at_s),
        cool_since_s=_since(state.cool_since_s, seen.cool, at_s),
        few_since_s=_since(state.few_since_s, seen.workers < bounds.least, at_s),
    )


def _since(before_s: float, holds: bool, at_s: float) -> float:
    return min(before_s, at_s) if holds else math.inf


def _remembered(view: _View, decision: Decision) -> State:
    if decision.step:
        asked = view.seen.workers + decision.step
        return msgspec.structs.replace(view.state, asked=asked, up=decision.step > 0, asked_at_s=view.at_s)
    if view.overdue and not view.seen.blind:
        return paused(view.state, view.at_s)
    return view.state


def paused(state: State, at_s: float) -> State:
    """Ask for nothing for a while: what was asked for could not be done, or was not to be."""
    return msgspec.structs.replace(state, asked=None, paused_until_s=at_s + PAUSE_S)


def see(before: Snapshot, now: Snapshot, family: str, own: int | None, *, one_writer: bool, coming: int = 0) -> Seen:
    """Say what two snapshots tell of a family.

    ``own``: how many workers can be stopped; ``None`` for all that serve this family alone. ``coming``: how many of
    other families were asked for and are not there yet, nor their connections.
    """
    serving = now.serving(family)
    silent = _silent(now, family)
    if not now.gateways or silent:
        return Seen(blind=silent or "no gateway answers, so nobody knows what waits")
    children = sum(worker.children for worker in serving)
    room, lacks = _room(now, math.ceil(children / len(serving)) if serving else 1, coming)
    shares = {each: _share(before, now, serving, each) for each in now.families}
    return Seen(
        workers=len(serving),
        own=sum(set(w.queues) <= set(now.families[family]) for w in serving) if own is None else own,
        children=children,
        busy=sum(worker_rates(before, now, w)[1] * w.children for w in serving) / children if children else 0.0,
        leads=shares[family] >= max(shares.values()),
        oldest_s=now.oldest_s(family),
        useful=batch_bound.bound(now, batch_bound.sent_lately(before, now, family)),
        one_writer=one_writer,
        room=room,
        lacks=lacks,
    )


def _room(now: Snapshot, children: int, coming: int) -> tuple[int, str]:
    """Say for how many more workers, of so many children each, there are connections, and what is missing for one."""
    database, each = now.database, children * CONNECTIONS_MAX
    if database.fault:
        return 0, f"the database does not answer ({database.fault.rstrip('.')})"
    for why in map(short_of_descriptors, now.broker.nodes):
        if why:
            return 0, why
    if not database.connections_max:
        return UNBOUNDED, ""
    room = max(0, (database.connections_max - database.connections) // each - coming)
    return room, "" if room else (
        f"the database has {database.connections} of {database.connections_max} connections, and one takes up to "
        f"{each}: raise max_connections (docs/operating.md, Connections and batches)"
    )


def _silent(now: Snapshot, family: str) -> str:
    """Say that a worker does not answer, which the broker counts."""
    answered = {queue: sum(queue in w.queues for w in now.workers) for queue in now.families[family]}
    missing = max((now.depths[queue].consumers - n for queue, n in answered.items() if queue in now.depths), default=0)
    return f"{_count(missing, 'worker')} of it, which the broker counts, does not answer" if missing > 0 else ""


def _share(before: Snapshot, now: Snapshot, serving: tuple[Worker, ...], family: str) -> float:
    """How long these workers worked for a family between two snapshots."""
    earlier = {worker.name: worker.busy_s for worker in before.workers}
    return sum(
        max(0.0, w.busy_s.get(family, 0.0) - earlier[w.name].get(family, 0.0)) for w in serving if w.name in earlier
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
