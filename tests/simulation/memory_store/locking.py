"""Locks of rows as PostgreSQL has them: who waits, for how long, in which circles; SQLite's one writer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from gameserver.errors import Retryable
from gameserver.store.engine import LOCK_WAIT_S
from tests.simulation.scheduler import Crash

if TYPE_CHECKING:
    from tests.simulation.memory_store.store import MemoryStore


IDLE_S_MAX = 8.0  # PostgreSQL ends a transaction that idles for so long, SQLite's writer lock kills its holder

Key = tuple[Any, Any]  # a table (a kind of thing, or a name) and a row's key


class Scheduler(Protocol):
    """Who decides where a transaction stops and for how long it waits."""

    def now_s(self) -> float: ...

    def point(self, what: str) -> None: ...

    def wait(self, ready: Callable[[], bool], until_s: float) -> bool: ...

    def shuffle(self, rows: list[Any]) -> None: ...


class Undisturbed:
    """A scheduler that never does anything: one transaction at a time."""

    def now_s(self) -> float:
        return 0.0

    def point(self, what: str) -> None:
        pass

    def wait(self, ready: Callable[[], bool], until_s: float) -> bool:
        return ready()

    def shuffle(self, rows: list[Any]) -> None:
        pass


class RowLocks:
    """The locks of one transaction. ``writes``: what it has written so far; ``what``: what it does at the moment."""

    def __init__(self, store: "MemoryStore", writes: dict[Key, Any]) -> None:
        self._store = store
        self.writes = writes
        self._locked: list[Key] = []
        self._touched_s = 0.0
        self._lost: BaseException | None = None  # ended by the database, or by who waited for it
        self._waits_for: Key | None = None
        self.what = ""

    def statement(self, what: str) -> None:
        self._touched_s = self._store.scheduler.now_s()
        self.what = what
        self._store.statement(what)
        if self._lost is not None:
            raise self._lost
        self._touched_s = self._store.scheduler.now_s()

    def lock(self, table: Any, key: Any) -> None:
        row = _row_of(table), key
        holder = self._store.locks.get(row)
        if holder is self or (self._store.one_writer and table != "writer"):
            return
        if holder is not None:
            self._wait(row)
        self._store.locks[row] = self
        self._locked.append(row)

    def lock_next(self, table: Any, key: Any) -> None:
        """One of several rows of a statement: others may come between two of them."""
        self._store.scheduler.point("lock")
        self.lock(table, key)

    def _wait(self, row: Key) -> None:
        self._waits_for = row
        try:
            self._look_for_deadlock()
            until_s = self._store.scheduler.now_s() + (1e9 if self._store.one_writer else LOCK_WAIT_S)
            if not self._store.scheduler.wait(lambda: self._is_free(row), until_s):
                raise Retryable("database_away", f"A row is locked for too long: {row}.")
        finally:
            self._waits_for = None

    def _is_free(self, row: Key) -> bool:
        holder = self._store.locks.get(row)
        if holder is not None and holder.idles_too_long():
            holder.lose()
        return row not in self._store.locks

    def _look_for_deadlock(self) -> None:
        waiting: list[RowLocks] = [self]
        while waiting[-1]._waits_for is not None:
            holder = self._store.locks.get(waiting[-1]._waits_for)
            if holder is None:
                return
            if holder in waiting:
                circle = waiting[waiting.index(holder) :]
                self._store.deadlocks.append(" -> ".join(f"{t.what} waits for {t._waits_for}" for t in circle))
                raise Retryable("database_away", "Deadlock detected.")
            waiting.append(holder)

    def idles_too_long(self) -> bool:
        """Whether its process has said nothing for so long that the database ends it."""
        return self._waits_for is None and self._store.scheduler.now_s() - self._touched_s > IDLE_S_MAX

    def lose(self) -> None:
        """PostgreSQL ends it, and its process is told at its next statement; at SQLite the process itself is killed."""
        ended = Retryable("database_away", "The transaction idled for too long and was ended.")
        self._lost = Crash() if self._store.one_writer else ended
        self.release()

    def release(self) -> None:
        """Let go of all locks."""
        for row in self._locked:
            if self._store.locks.get(row) is self:
                del self._store.locks[row]
        self._locked = []

    def is_held_by_others(self, row: Key) -> bool:
        return self._store.locks.get(row) not in (None, self)

    def is_being_written(self, row: Key) -> bool:
        holder = self._store.locks.get(row)
        return holder is not None and row in holder.writes


def _row_of(table: Any) -> Any:
    """In whose rows a thing stands."""
    return table.spec.of if isinstance(table, type) and table.spec.within else table
