"""The simulation's store lets transactions meet as PostgreSQL does (``tests/unit/store/test_locks.py``)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.errors import Retryable
from gameserver.modules.bank.events import PutIn
from gameserver.modules.bank.rules import in_chest
from gameserver.modules.items.entities import Item, SharedPlace
from gameserver.modules.items.things import held, placed
from gameserver.modules.movement.entities import Body
from gameserver.modules.world.entities import ZoneClock
from gameserver.rules.book import rules
from gameserver.testing.two_zones import absent, circumstances, player, players, put_in
from gameserver.testing.whole_entities import parts_of
from tests.selections import selected
from tests.simulation.cluster import WORLD
from tests.simulation.memory_store import IDLE_S_MAX, MemoryStore
from tests.simulation.scheduler import Crash, Strand

ADA, BOB = absent(player(zone="field", x=1, y=1)), absent(player("Bob", zone="field", x=2, y=2))


class ByHand:
    """A scheduler that stops transactions where a test says so, and nowhere else. Time is moved by hand."""

    def __init__(self) -> None:
        self.current: Strand | None = None
        self.stops_at = ""
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def point(self, what: str) -> None:
        if what == self.stops_at:
            self.stops_at = ""
            self._stop()

    def wait(self, ready: Callable[[], bool], until_s: float) -> bool:
        while not ready():
            if self.time_s >= until_s:
                return False
            self._stop()
        return True

    def shuffle(self, rows: list[Any]) -> None:
        rows.sort(reverse=True)

    def _stop(self) -> None:
        strand, self.current = self.current, None
        assert strand is not None
        strand.stop()

    def go_on(self, strand: Strand, *, crash: bool = False) -> None:
        self.current = strand
        strand.go_on(crash=crash)


class Work:
    """Transactions beside each other. ``errors``: how each ended, ``None`` if it was committed."""

    def __init__(self, *, one_writer: bool = False) -> None:
        self.scheduler = ByHand()
        self.store = MemoryStore(WORLD, self.scheduler, one_writer=one_writer)
        for part in parts_of(ADA, BOB):
            self.store.things[type(part)][part.id] = part
        self.errors: dict[Strand, BaseException | None] = {}

    def begin(self, work: Callable[[Any], None], *, until: str = "") -> Strand:
        """Run it, up to where it waits or to a statement."""

        def run() -> None:
            try:
                with self.store.transaction() as transaction:
                    work(transaction)
                self.errors[strand] = None
            except BaseException as error:
                self.errors[strand] = error

        strand = Strand(run)
        self.scheduler.stops_at = until
        self.scheduler.go_on(strand)
        return strand

    def x(self, id_: str) -> int:
        return int(self.store.things[Body][id_].x)


def steps(*ids: str) -> Callable[[Any], None]:
    """Each of these goes a step, locked one after the other."""

    def work(transaction: Any) -> None:
        for id_ in ids:
            body = players(transaction.load([selected(players=(id_,))]))[id_]
            put_in(transaction, [replace(body, x=body.x + 1)], [])

    return work


@pytest.mark.parametrize("one_writer", [False, True])
def test_who_waited_for_a_row_sees_it_as_it_is_now(one_writer: bool) -> None:
    work = Work(one_writer=one_writer)
    first = work.begin(steps("ada"), until="commit")
    second = work.begin(steps("ada"))
    assert work.x("ada") == ADA.x, "what is not committed is seen by nobody"
    work.scheduler.go_on(first)
    work.scheduler.go_on(second)
    assert work.x("ada") == ADA.x + 2


def test_other_rows_are_not_waited_for() -> None:
    work = Work()
    first = work.begin(steps("ada"), until="commit")
    assert work.begin(steps("bob")).over
    work.scheduler.go_on(first)


def test_who_waits_in_vain_gives_way() -> None:
    work = Work()
    first = work.begin(steps("ada"), until="commit")
    second = work.begin(steps("ada"))
    work.scheduler.time_s += 4
    work.scheduler.go_on(second)
    assert isinstance(work.errors[second], Retryable)
    work.scheduler.go_on(first)


def test_a_deadlock_is_found_and_written_down() -> None:
    work = Work()
    first = work.begin(steps("ada", "bob"), until="write Body")
    second = work.begin(steps("bob", "ada"))
    work.scheduler.go_on(first)
    assert isinstance(work.errors[first], Retryable)
    assert len(work.store.deadlocks) == 1
    work.scheduler.go_on(second)
    assert (work.x("ada"), work.x("bob")) == (ADA.x + 1, BOB.x + 1)


@pytest.mark.parametrize(("one_writer", "ended"), [(False, Retryable), (True, Crash)])
def test_who_idles_for_too_long_loses_its_rows(one_writer: bool, ended: type[BaseException]) -> None:
    work = Work(one_writer=one_writer)
    first = work.begin(steps("ada"), until="commit")
    work.scheduler.time_s += IDLE_S_MAX + 1
    assert work.begin(steps("ada")).over
    work.scheduler.go_on(first)
    assert isinstance(work.errors[first], ended)
    assert work.x("ada") == ADA.x + 1


def test_who_dies_within_a_transaction_has_done_nothing() -> None:
    work = Work()
    first = work.begin(steps("ada"), until="commit")
    work.scheduler.go_on(first, crash=True)
    assert work.x("ada") == ADA.x
    assert work.begin(steps("ada")).over


def put_clock(transaction: Any) -> None:
    """A zone's first tick, or a later one."""
    transaction.load([selected(zones=("field",))])
    put_in(transaction, [ZoneClock(id="field", tick=1)], [])


def test_who_makes_a_row_that_is_there_by_now_waits_for_nobody_who_has_only_locked_it() -> None:
    """``test_locks`` of the real store shows the same of PostgreSQL: otherwise there would be circles."""
    work = Work()
    late = work.begin(put_clock, until="write ZoneClock")
    assert work.begin(put_clock).over
    locks = work.begin(put_clock, until="write ZoneClock")
    work.scheduler.go_on(late)
    assert late.over
    assert isinstance(work.errors[late], Retryable)
    work.scheduler.go_on(locks)
    assert work.errors[locks] is None


def test_who_makes_a_row_waits_for_who_is_writing_it() -> None:
    work = Work()
    late = work.begin(put_clock, until="write ZoneClock")
    first = work.begin(put_clock, until="commit")
    work.scheduler.go_on(late)
    assert not late.over
    work.scheduler.go_on(first)
    work.scheduler.go_on(late)
    assert isinstance(work.errors[late], Retryable)


def test_two_who_put_things_into_a_chest_at_once_both_see_what_is_in_it() -> None:
    """``test_room`` shows the same of PostgreSQL: what two come into is locked before what is in it is selected."""
    work, seen = Work(), list[int]()
    putin: Any = rules()["putin"]
    things = [Item(id=f"c{n}", kind="stick", holder=in_chest("c")) for n in range(2)]
    things += [Item(id=f"{name}'s", kind="axe", holder=name) for name in ("ada", "bob")]
    for thing in (*things, SharedPlace(id="c")):
        work.store.things[type(thing)][thing.id] = thing

    def puts_in(name: str) -> Callable[[Any], None]:
        def puts(transaction: Any) -> None:
            needs = putin.needs(PutIn(thing=f"{name}'s", chest="c"), circumstances(player(name)))
            state = transaction.load([needs])
            seen.append(len(held(state, in_chest("c"))))
            mine = placed(state.of(Item)[f"{name}'s"], in_chest("c"))
            put_in(transaction, [mine, state.of(SharedPlace)["c"]], [])

        return puts

    first = work.begin(puts_in("ada"), until="commit")
    second = work.begin(puts_in("bob"))
    work.scheduler.go_on(first)
    work.scheduler.go_on(second)
    assert seen == [2, 3]
