"""The store: tables as dictionaries, and transactions over them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gameserver.declare.entity import Entity, beginning, kinds, stands_apart
from gameserver.errors import Retryable
from gameserver.maps.objects import World
from gameserver.rules.outcome import Waiting
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.store.unread_rows import FRESH_MS
from tests.simulation.memory_store.locking import Key, RowLocks, Scheduler, Undisturbed
from tests.simulation.memory_store.transaction import MemoryTransaction
from tests.simulation.memory_store.values import bad_data


class MemoryStore:
    """``away``: the database does not answer. ``deadlocks``: who waited for whom, a sentence each.

    ``on_commit`` is told of each transaction as it is committed, just before others see what it wrote.
    """

    def __init__(self, world: World, scheduler: Scheduler | None = None, *, one_writer: bool = False) -> None:
        self.world = world
        self.maps: Callable[[], World] = lambda: self.world  # as whoever asks now has drawn them
        self.facts: dict[str, str] = {}
        self.scheduler: Scheduler = scheduler or Undisturbed()
        self.one_writer = one_writer
        self.things: dict[type[Entity], dict[str, Any]] = {kind: {} for kind in kinds()}
        self.outcomes: dict[tuple[str, int], Stored] = {}
        self.outbox: dict[str, tuple[Waiting, int, int]] = {}  # created, due
        self.counts: dict[str, int] = {}
        self.letters: dict[str, DeadLetter] = {}
        self.unread_rows: dict[str, tuple[int, int]] = {}  # copy, when it was seen
        self.tables: dict[Any, dict[Any, Any]] = {
            **self.things,
            "outcomes": self.outcomes,
            "outbox": self.outbox,
            "trials": self.counts,
            "dead_letters": self.letters,
            "unread": self.unread_rows,
        }
        self.locks: dict[Key, RowLocks] = {}
        self.deadlocks: list[str] = []
        self.away = False
        self.data_fault = bad_data
        self.on_commit: Callable[[MemoryTransaction], None] = lambda transaction: None

    @contextmanager
    def transaction(self, trial: Trial | None = None) -> Iterator[MemoryTransaction]:
        """All of it or nothing, but ``trial``: that stays counted once it was begun, unless who tried gives way."""
        transaction = MemoryTransaction(self)
        try:
            transaction.begin(trial)
            yield transaction
            transaction.commit()
        except Retryable:
            transaction.end()
            if trial is not None and trial.counted:
                self._take_back(trial)
            raise
        finally:
            transaction.end()
        self.scheduler.point("committed")

    @contextmanager
    def beside(self) -> Iterator[MemoryTransaction]:
        """A transaction over a second connection, within the turn of the first."""
        transaction = MemoryTransaction(self)
        try:
            yield transaction
            transaction.commit()
        finally:
            transaction.end()

    def _take_back(self, trial: Trial) -> None:
        with suppress(Retryable), self.beside() as transaction:
            transaction.count_less(trial.id)
            trial.counted = False

    def statement(self, what: str) -> None:
        """Something is asked of the database: the scheduler may stop here, and the database may be away."""
        self.scheduler.point(what)
        if self.away:
            raise Retryable("database_away", "The database is away.")

    def get(self, kind: Any, id_: str) -> Any:
        self.statement(f"read {kind.__name__}")
        return self.things[kind].get(id_) or self.begun(kind, id_)

    def begun(self, kind: Any, id_: str) -> Any:
        """A component whose row is missing, as it begins."""
        return beginning(kind, id_) if stands_apart(kind) and id_ in self.things[kind.spec.of] else None

    def find(self, kind: Any, fields: tuple[str, ...], value: str) -> Any:
        self.statement(f"read {kind.__name__}")
        found = [thing for thing in self.things[kind].values() if value in [getattr(thing, name) for name in fields]]
        return found[0] if found and value else None

    def portion(self, kind: Any, after: str, most: int) -> list[Any]:
        found = sorted((thing for id_, thing in self.things[kind].items() if id_ > after), key=lambda thing: thing.id)
        return found[:most]

    def set_fact(self, name: str, value: str) -> None:
        self.facts[name] = value

    def later(self, kind: Any, by: str, after: int, most: int) -> list[Any]:
        later = [thing for thing in self.things[kind].values() if getattr(thing, by) > after]
        return sorted(later, key=lambda thing: getattr(thing, by))[:most]

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        self.statement("read trials")
        return {id_: self.counts[id_] for id_ in ids if id_ in self.counts}

    def begin_trial(self, id_: str, now_ms: int) -> int:
        with self.transaction() as transaction:
            return transaction.count_trial(id_, now_ms)

    def forget_trials(self, ids: Sequence[str]) -> None:
        with self.transaction() as transaction:
            transaction.forget_trials(ids)

    def dead_letters(self) -> list[DeadLetter]:
        return list(self.letters.values())

    def tidy(self) -> None:
        """Nothing ever needs it."""

    def going_on(self, ids: Sequence[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
        self.statement("read unread")
        known = {id_: self.unread_rows[id_] for id_ in ids if id_ in self.unread_rows}
        other = {id_ for id_, (number, at_ms) in known.items() if number != copy and now_ms - at_ms < FRESH_MS}
        return frozenset(ids) - other, max([copy, *(number for number, _ in known.values())]) + 1

    def note_unread(self, ids: Sequence[str], copy: int, now_ms: int) -> None:
        with self.transaction() as transaction:
            transaction.note_unread(ids, copy, now_ms)

    def unread(self, since_ms: int) -> int:
        self.statement("read unread")
        return sum(at_ms >= since_ms for _, at_ms in self.unread_rows.values())

    def published(self, ids: Sequence[str]) -> None:
        if ids:
            with self.transaction() as transaction:
                transaction.remove_waiting(ids)
