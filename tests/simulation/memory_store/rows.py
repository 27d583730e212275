"""Rows as one transaction sees them: what others committed, and what it has written itself."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from gameserver.declare.entity import beginning, sharing, stands_apart
from tests.simulation.memory_store.locking import RowLocks

if TYPE_CHECKING:
    from tests.simulation.memory_store.store import MemoryStore


class Rows:
    """The rows of all tables. ``writes``: its own, apart until the commit; ``None``: the row is to go."""

    def __init__(self, store: "MemoryStore", locks: RowLocks) -> None:
        self._store = store
        self._locks = locks
        self.writes = locks.writes

    def get(self, table: Any, key: Any) -> Any:
        if (table, key) in self.writes:
            return self.writes[table, key]
        return self._store.tables[table].get(key)

    def all(self, table: Any) -> list[Any]:
        rows = self._store.tables[table]
        if not self.writes:
            return list(rows.values())
        mine = {key: value for (of, key), value in self.writes.items() if of == table}
        return [row for row in {**rows, **mine}.values() if row is not None]

    def write(self, table: Any, key: Any, value: Any) -> None:
        self._locks.lock(table, key)
        self.writes[table, key] = value

    def part(self, kind: Any, id_: str) -> Any:
        """A part of a record; a component that is missing as it begins."""
        there = stands_apart(kind) and self.get(kind.spec.of, id_) is not None
        return self.get(kind, id_) or (beginning(kind, id_) if there else None)

    def parts(self, kind: Any) -> list[Any]:
        """All of a kind, those that are missing as they begin."""
        owners = self.all(kind.spec.of) if stands_apart(kind) else []
        return [self.part(kind, owner.id) for owner in owners] or self.all(kind)

    def with_owner(self, thing: Any) -> Any:
        """A component with the fields of its owner, and of what stands in the same rows."""
        kind = type(thing)
        beside = sharing(kind) if kind.spec.within else (kind.spec.of,) if kind.spec.of else ()
        parts = [part for other in beside if (part := self.get(other, thing.id)) is not None]
        fields = {name: value for part in (*parts, thing) for name, value in msgspec.structs.asdict(part).items()}
        return SimpleNamespace(**fields) if beside else thing
