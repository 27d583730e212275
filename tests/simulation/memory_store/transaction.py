"""One batch's work."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gameserver.declare.entity import Entity
from gameserver.rules.needs import Needs
from gameserver.rules.outcome import State, Waiting
from gameserver.store.locked_rows import Claims, Held
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.store.unread_rows import PAUSE_MS
from tests.simulation.memory_store.changing import Changes
from tests.simulation.memory_store.locking import RowLocks
from tests.simulation.memory_store.outbox import Outbox
from tests.simulation.memory_store.rows import Rows
from tests.simulation.memory_store.selecting import Selection

if TYPE_CHECKING:
    from tests.simulation.memory_store.store import MemoryStore


class MemoryTransaction:
    """One batch's work. Writes are kept apart until the commit.

    ``note``, ``entries``, ``fights``, ``built``, ``event``: for who watches.
    """

    def __init__(self, store: "MemoryStore") -> None:
        self._store = store
        self._locks = RowLocks(store, {})
        self._rows = Rows(store, self._locks)
        self._claims = Claims()
        self._outbox = Outbox(self._locks, self._rows)
        self._selection = Selection(store.maps, self._locks, self._rows, self._claims, self._outbox)
        self._changes = Changes(store, self._locks, self._rows, self._claims)
        self.note: dict[str, Any] = {}
        self.entries: list[Any] = []
        self.fights: dict[str, Any] = {}
        self.built: list[Any] = []
        self.event = ""

    def begin(self, trial: Trial | None = None) -> None:
        """Where there is one writer, trials are counted first: nobody can come between."""
        self._locks.statement("begin")
        if self._store.one_writer:
            self._locks.lock("writer", "")
            if trial is not None:
                self.begin_trial(trial)

    def commit(self) -> None:
        self._locks.statement("commit")
        self._store.on_commit(self)
        for (table, key), value in self._rows.writes.items():
            if value is None:
                self._store.tables[table].pop(key, None)
            else:
                self._store.tables[table][key] = value

    def changed(self, table: Any) -> list[Any]:
        """The rows of a table that it writes."""
        return [value for (of, _), value in self._rows.writes.items() if of is table and value is not None]

    def end(self) -> None:
        """Let go of all locks."""
        self._locks.release()

    def stored(self, lane: str, seq: int) -> bytes | None:
        self._locks.statement("read outcome")
        found = [s.direct for s in self._rows.all("outcomes") if (s.lane, s.seq) == (lane, seq)]
        return found[0] if found else None

    @property
    def held(self) -> Held:
        return self._claims.held

    def check_writable(self, thing: Entity) -> None:
        self._claims.check(thing)

    def load(self, needs: Sequence[Needs]) -> State:
        state = self._selection.load(needs)
        state.transaction = self  # type: ignore[attr-defined] # for who watches from outside
        return state

    def save(self, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        self._changes.save(put, drop)
        self._outbox.lay_aside()

    def waiting(self, ids: Sequence[str]) -> frozenset[str]:
        return self._outbox.lock(ids)

    def add_waiting(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        self._outbox.add(rows, now_ms, due_ms)

    def merge_waiting(self, rows: Sequence[Waiting], due_ms: int) -> None:
        self._outbox.merge(rows, due_ms)

    def postpone_waiting(self, ids: Sequence[str], due_ms: int) -> None:
        self._outbox.postpone(ids, due_ms)

    def remove_waiting(self, ids: Sequence[str]) -> None:
        self._outbox.remove(ids)

    def keep(self, kept: Sequence[Stored]) -> None:
        if kept:
            self._locks.statement("write outcomes")
        for stored in kept:
            self._rows.write("outcomes", (stored.lane, stored.slot), stored)

    def need_not_wait_for_disk(self) -> None:
        """No machine loses its power here."""

    def begin_trial(self, trial: Trial) -> None:
        if not trial.counted:
            with self._store.beside() as transaction:
                transaction.count_trial(trial.id, trial.now_ms)
            trial.counted = True

    def count_less(self, id_: str) -> None:
        self._locks.statement("take trial back")
        self._locks.lock("trials", id_)
        count = self._rows.get("trials", id_)
        if count is not None:  # otherwise it was forgotten meanwhile
            self._rows.writes["trials", id_] = count - 1 or None

    def count_trial(self, id_: str, now_ms: int) -> int:
        self._locks.statement("count trial")
        self._locks.lock("trials", id_)
        count: int = (self._rows.get("trials", id_) or 0) + 1
        self._rows.writes["trials", id_] = count
        return count

    def forget_trials(self, ids: Sequence[str]) -> None:
        if ids:
            self._locks.statement("delete trials")
        for id_ in sorted({id_ for id_ in ids if self._rows.get("trials", id_)}):
            self._rows.write("trials", id_, None)

    def add_dead(self, letter: DeadLetter) -> None:
        self._locks.statement("write dead letter")
        self._locks.lock("dead_letters", letter.id)
        if self._rows.get("dead_letters", letter.id) is None:
            self._rows.writes["dead_letters", letter.id] = letter

    def set_aside(self, faults: dict[Waiting, str], now_ms: int) -> None:
        self.postpone_waiting([row.id for row in faults], now_ms + PAUSE_MS)
        self.note_unread([row.id for row in faults], 0, now_ms)

    def note_unread(self, ids: Sequence[str], number: int, now_ms: int) -> None:
        self._locks.statement("write unread")
        for id_ in sorted(ids):
            self._locks.lock_next("unread", id_)
            self._rows.write("unread", id_, (number, now_ms))

    def take_dead(self, id_: str) -> DeadLetter | None:
        self._locks.statement("delete dead letter")
        letter: DeadLetter | None = self._rows.get("dead_letters", id_)
        if letter is not None:
            self._rows.write("dead_letters", id_, None)
        return letter
