"""The outbox: what waits to be told or done."""

from collections.abc import Sequence

from msgspec.structs import replace

from gameserver.declare.entity import actor_kind
from gameserver.rules.needs import Merged
from gameserver.rules.outcome import State, Waiting
from gameserver.store.outbox_reading import DUE_ROWS_MAX
from gameserver.store.tables import NEVER_MS, UNTOLD_MS
from tests.simulation.memory_store.locking import RowLocks
from tests.simulation.memory_store.rows import Rows


class Outbox:
    """One transaction's view of it. ``sweep_ms``: when this is a sweep, its time."""

    def __init__(self, locks: RowLocks, rows: Rows) -> None:
        self._locks = locks
        self._rows = rows
        self.sweep_ms = 0
        self._laid_aside: tuple[str, ...] = ()

    def read(self, state: State, wanted: Merged) -> frozenset[str]:
        """Put what is wanted of it into the state. Returns the players who are to be seen because of it."""
        if not (wanted.mail or wanted.mail_counts or wanted.due_ms):
            return frozenset()
        self._locks.statement("read outbox")
        rows = sorted(self._rows.all("outbox"), key=lambda row: (row[1], row[0].id))
        mail = [_as_read(row) for row in rows if row[0].kind == "mail"]
        state.mail = {id_: tuple(w for w in mail if w.player == id_) for id_ in wanted.mail}
        counts = {id_: sum(w.player == id_ for w, _, _ in rows) for id_ in wanted.mail_counts}
        state.mail_counts = {id_: count for id_, count in counts.items() if count}
        state.untold = {id_: tuple(w for w in mail if w.player == id_ and w.untold) for id_ in wanted.mail_counts}
        return self._due(state, rows, wanted.due_ms) if wanted.due_ms else frozenset()

    def _due(self, state: State, rows: list[tuple[Waiting, int, int]], now_ms: int) -> frozenset[str]:
        """What a sweep deals with; what is for somebody who is not there is laid aside."""
        here = {actor.id for actor in self._rows.all(actor_kind()) if actor.gateway}
        due = [w for w, _, due_ms in rows if due_ms <= now_ms][:DUE_ROWS_MAX]
        state.due = tuple(w for w in due if w.kind != "mail" or w.player in here)
        self._laid_aside = tuple(w.id for w in due if w not in state.due)
        return frozenset(w.player for w in state.due if w.player)

    def lock(self, ids: Sequence[str]) -> frozenset[str]:
        if not ids:
            return frozenset()
        self._locks.statement("lock outbox")
        found = []
        for id_ in sorted(id_ for id_ in ids if self._rows.get("outbox", id_)):
            self._locks.lock_next("outbox", id_)
            if self._rows.get("outbox", id_):
                found.append(id_)
        return frozenset(found)

    def add(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        if rows:
            self._locks.statement("write outbox")
        for row in sorted(rows, key=lambda row: row.id):
            self._locks.lock("outbox", row.id)
            if self._rows.get("outbox", row.id) is None:
                self._rows.writes["outbox", row.id] = row, now_ms, UNTOLD_MS if row.untold else due_ms

    def merge(self, rows: Sequence[Waiting], due_ms: int) -> None:
        if rows:
            self._locks.statement("merge outbox")
        for row in sorted(rows, key=lambda row: row.id):
            self._locks.lock("outbox", row.id)
            found = self._rows.get("outbox", row.id)
            if found is not None:
                self._rows.writes["outbox", row.id] = row, found[1], UNTOLD_MS if row.untold else due_ms

    def postpone(self, ids: Sequence[str], due_ms: int) -> None:
        if ids:
            self._locks.statement("postpone outbox")
        for id_ in sorted({id_ for id_ in ids if self._rows.get("outbox", id_)}):
            if self.sweep_ms and self._locks.is_held_by_others(("outbox", id_)):
                continue  # somebody deals with it
            self._locks.lock_next("outbox", id_)
            found = self._rows.get("outbox", id_)
            if found is not None:
                self._rows.writes["outbox", id_] = (found[0], found[1], due_ms)

    def remove(self, ids: Sequence[str]) -> None:
        if ids:
            self._locks.statement("delete outbox")
        for id_ in sorted({id_ for id_ in ids if self._rows.get("outbox", id_)}):
            self._locks.lock_next("outbox", id_)
            self._rows.write("outbox", id_, None)

    def lay_aside(self) -> None:
        """Let what was laid aside wait for its player."""
        if not self._laid_aside:
            return
        self._locks.statement("lay aside outbox")
        for id_ in sorted(self._laid_aside):
            found = self._rows.get("outbox", id_)
            if found is not None and found[2] <= self.sweep_ms and not self._locks.is_held_by_others(("outbox", id_)):
                self._rows.write("outbox", id_, (found[0], found[1], NEVER_MS))


def _as_read(row: tuple[Waiting, int, int]) -> Waiting:
    """A row of the outbox as a SELECT finds it."""
    return replace(row[0], untold=row[2] == UNTOLD_MS)
