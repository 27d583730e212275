"""Save what was put and dropped, in the order in which the real store does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gameserver.declare.entity import Entity, Keep, beginning, kinds, record
from gameserver.errors import Retryable
from gameserver.store.locked_rows import Claims
from gameserver.store.tables import in_order_of_saving
from tests.simulation.memory_store.locking import RowLocks
from tests.simulation.memory_store.rows import Rows
from tests.simulation.memory_store.values import wrong_value

if TYPE_CHECKING:
    from tests.simulation.memory_store.store import MemoryStore


class Changes:
    """What one transaction changes of the game's entities."""

    def __init__(self, store: "MemoryStore", locks: RowLocks, rows: Rows, claims: Claims) -> None:
        self._store = store
        self._locks = locks
        self._rows = rows
        self._claims = claims

    def save(self, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        things = self._made_whole(put)
        for kind in (kind for together in in_order_of_saving() for kind in together):
            mine = sorted((thing for thing in things if type(thing) is kind), key=lambda thing: thing.id)
            if mine:
                self._locks.statement(f"write {kind.__name__}")
            for thing in mine:
                self._put(kind, thing)
            keep = kind.spec.keep
            if keep and keep.newest:
                for value in sorted({getattr(thing, keep.per) for thing in mine}):
                    for old in self._oldest_first(kind, keep, value)[: -keep.newest]:
                        self._rows.write(kind, old.id, None)
        for thing in drop:
            self._drop(thing)

    def _made_whole(self, put: Sequence[Entity]) -> list[Any]:
        """What is put, and the components that those who are new lack."""
        there = {(type(thing), thing.id) for thing in put}
        new = [t for t in put if t.spec.of is None and self._rows.get(type(t), t.id) is None]
        lacking = [(kind, t.id) for t in new for kind in record(type(t))[1:] if (kind, t.id) not in there]
        return [*put, *(beginning(kind, id_) for kind, id_ in lacking if self._rows.get(kind, id_) is None)]

    def _oldest_first(self, kind: Any, keep: Keep, value: Any) -> list[Any]:
        found = [thing for thing in self._rows.all(kind) if getattr(thing, keep.per) == value]
        return sorted(found, key=lambda thing: (getattr(thing, keep.by), thing.id))

    def _put(self, kind: Any, thing: Any) -> None:
        fault = wrong_value(thing)
        if fault:
            raise self._store.data_fault(fault)
        new = thing.id not in self._claims.held[kind] and self._claims.is_made(thing)
        if new and not self._locks.is_being_written((kind, thing.id)):  # who has only locked it is not waited for
            self._check_new(kind, thing)
        self._rows.write(kind, thing.id, thing)
        if new:
            self._check_new(kind, thing)

    def _check_new(self, kind: Any, thing: Any) -> None:
        if thing.id in self._store.things[kind]:
            raise Retryable("conflict", f"Two transactions made the same row: {thing.id}")

    def _drop(self, thing: Any) -> None:
        self._locks.statement(f"delete {type(thing).__name__}")
        for part in (type(thing),) if thing.spec.of else record(type(thing)):
            self._rows.write(part, thing.id, None)
        for kind, keep in ((kind, kind.spec.keep) for kind in kinds()):
            if keep and keep.along is type(thing):
                value = getattr(thing, keep.per)
                if all(getattr(other, keep.per) != value for other in self._rows.all(type(thing))):
                    for gone in self._oldest_first(kind, keep, value):
                        self._rows.write(kind, gone.id, None)
        if thing.spec.session:
            for key in [key for key, kept in self._store.outcomes.items() if kept.session == thing.id]:
                self._rows.write("outcomes", key, None)
