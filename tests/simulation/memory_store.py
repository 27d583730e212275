"""The data tier as dictionaries, for simulation. Held to the contract of the real one (``test_contract``).

Transactions see what others committed (read committed) and lock rows as PostgreSQL does, one after the other in the
order of their ids. Who waits for a row is let on when it
is free, gives up after ``LOCK_WAIT_S``, and is told of a deadlock at once. As SQLite it has one writer at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from gameserver.declare.entity import Entity, Keep, actor_kind, beginning, kinds, record, records, sharing, stands_apart
from gameserver.declare.field_conditions import Condition, meets
from gameserver.errors import Corrupt, Retryable
from gameserver.maps.objects import World
from gameserver.rules.needs import Box, Count, Listing, Merged, Near, Needs, Wanted, merge
from gameserver.rules.outcome import State, Waiting
from gameserver.store.engine import LOCK_WAIT_S
from gameserver.store.locked_rows import Claims, Held
from gameserver.store.nearby import nearest
from gameserver.store.other_versions import FRESH_MS, PAUSE_MS
from gameserver.store.outbox_reading import DUE_ROWS_MAX
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.store.tables import NEVER_MS, UNTOLD_MS, in_order_of_saving
from tests.simulation.scheduler import Crash

INT_MAX = 2**63 - 1
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


class MemoryStore:
    """``away``: the database does not answer. ``deadlocks``: who waited for whom, a sentence each.

    ``on_commit`` is told of each transaction as it is committed, just before others see what it wrote.
    """

    def __init__(self, world: World, scheduler: Scheduler | None = None, *, one_writer: bool = False) -> None:
        self.world = world
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
        self.locks: dict[Key, MemoryTransaction] = {}
        self.deadlocks: list[str] = []
        self.away = False
        self.data_fault = bad_data
        self.on_commit: Callable[[MemoryTransaction], None] = lambda transaction: None

    @contextmanager
    def transaction(self, trial: Trial | None = None) -> Iterator["MemoryTransaction"]:
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
    def beside(self) -> Iterator["MemoryTransaction"]:
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


class MemoryTransaction:
    """One batch's work. Writes are kept apart until the commit.

    ``note``, ``entries``, ``fights``, ``event``: for who watches.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._writes: dict[Key, Any] = {}  # None: the row is to go
        self._locked: list[Key] = []
        self._claims = Claims()
        self._sweep_ms = 0  # when this is a sweep: its time
        self._laid_aside: tuple[str, ...] = ()
        self._touched_s = 0.0
        self._lost: BaseException | None = None  # ended by the database, or by who waited for it
        self._waits_for: Key | None = None
        self.what = ""
        self.note: dict[str, Any] = {}
        self.entries: list[Any] = []
        self.fights: dict[str, Any] = {}
        self.event = ""

    # Locks.

    def begin(self, trial: Trial | None = None) -> None:
        """Where there is one writer, trials are counted first: nobody can come between."""
        self._statement("begin")
        if self._store.one_writer:
            self._lock("writer", "")
            if trial is not None:
                self.begin_trial(trial)

    def _statement(self, what: str) -> None:
        self._touched_s = self._store.scheduler.now_s()
        self.what = what
        self._store.statement(what)
        if self._lost is not None:
            raise self._lost
        self._touched_s = self._store.scheduler.now_s()

    def _lock(self, table: Any, key: Any) -> None:
        row = _row_of(table), key
        holder = self._store.locks.get(row)
        if holder is self or (self._store.one_writer and table != "writer"):
            return
        if holder is not None:
            self._wait(row)
        self._store.locks[row] = self
        self._locked.append(row)

    def _lock_next(self, table: Any, key: Any) -> None:
        """One of several rows of a statement: others may come between two of them."""
        self._store.scheduler.point("lock")
        self._lock(table, key)

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
        waiting: list[MemoryTransaction] = [self]
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
        self.end()

    def commit(self) -> None:
        self._statement("commit")
        self._store.on_commit(self)
        for (table, key), value in self._writes.items():
            if value is None:
                self._store.tables[table].pop(key, None)
            else:
                self._store.tables[table][key] = value

    def changed(self, table: Any) -> list[Any]:
        """The rows of a table that it writes."""
        return [value for (of, _), value in self._writes.items() if of is table and value is not None]

    def end(self) -> None:
        """Let go of all locks."""
        for row in self._locked:
            if self._store.locks.get(row) is self:
                del self._store.locks[row]
        self._locked = []

    # Reading.

    def _get(self, table: Any, key: Any) -> Any:
        if (table, key) in self._writes:
            return self._writes[table, key]
        return self._store.tables[table].get(key)

    def _all(self, table: Any) -> list[Any]:
        rows = self._store.tables[table]
        if not self._writes:
            return list(rows.values())
        mine = {key: value for (of, key), value in self._writes.items() if of == table}
        return [row for row in {**rows, **mine}.values() if row is not None]

    def stored(self, lane: str, seq: int) -> bytes | None:
        self._statement("read outcome")
        found = [s.direct for s in self._all("outcomes") if (s.lane, s.seq) == (lane, seq)]
        return found[0] if found else None

    def waiting(self, ids: Sequence[str]) -> frozenset[str]:
        if not ids:
            return frozenset()
        self._statement("lock outbox")
        found = []
        for id_ in sorted(id_ for id_ in ids if self._get("outbox", id_)):
            self._lock_next("outbox", id_)
            if self._get("outbox", id_):
                found.append(id_)
        return frozenset(found)

    def load(self, needs: Sequence[Needs]) -> State:
        wanted = merge(needs)
        self._claims.ask(wanted)
        self._sweep_ms = wanted.due_ms
        state = State(self._store.world)
        state.transaction = self  # type: ignore[attr-defined] # for who watches from outside
        ahead = [near for near in wanted.near if near.most]
        for whole in records():
            for near in [near for near in ahead if near.viewer in whole or not near.kinds.isdisjoint(whole)]:
                ahead.remove(near)
                self._look_ahead(wanted, near)
            parts = [kind for kind in whole if kind in wanted.rows]
            if parts:
                self._load(state, parts, partial(self._is_wanted, wanted.rows, parts))
            for need in [need for need in wanted.matching.values() if need.kind in whole]:
                self._load(state, [need.kind], partial(self._is_met, need.kind, need.condition), need.most)
                found = [state.of(need.kind)[id_] for id_ in self._claims.held[need.kind]]
                for field, brought in need.bring:
                    wanted.want(brought, [getattr(thing, field) for thing in found])
        for whole in records():
            parts = [kind for kind in whole if kind in wanted.seen]
            if parts:
                self._see(state, parts, partial(self._is_wanted, wanted.seen, parts))
        for near in wanted.near:
            self._surroundings(state, near)
        self._sum_up(state, wanted)
        self._mail(state, wanted)
        return state

    def _is_wanted(self, wanted: dict[Any, Wanted], parts: Sequence[Any], id_: str) -> bool:
        """Whether a record has one of the values that any of its parts is wanted by."""
        named = [(kind, field, when, values) for kind in parts for (field, when), values in wanted[kind].items()]
        return any(self._has(kind, field, when, values, id_) for kind, field, when, values in named)

    def _has(self, kind: Any, field: str, when: str, values: set[Any], id_: str) -> bool:
        if field == "id" and not when:
            return id_ in values
        looked_into = field != "id" and field in kind.spec.types
        thing = self._get(kind, id_) if looked_into else self._part(kind, id_)
        return thing is not None and getattr(self._with_owner(thing), field) in values and self._is_so(when, thing)

    def _is_so(self, when: str, thing: Any) -> bool:
        """Whether a thing meets one of its declared conditions."""
        return not when or self._meets(thing.spec.all_conditions[when], thing)

    def _is_met(self, kind: Any, condition: Condition, id_: str) -> bool:
        thing = self._get(kind, id_)
        return thing is not None and self._meets(condition, thing)

    def _meets(self, condition: Condition, thing: Any) -> bool:
        return meets(condition, self._with_owner(thing), self._all)

    def _with_owner(self, thing: Any) -> Any:
        """A component with the fields of its owner, and of what stands in the same rows."""
        kind = type(thing)
        beside = sharing(kind) if kind.spec.within else (kind.spec.of,) if kind.spec.of else ()
        parts = [part for other in beside if (part := self._get(other, thing.id)) is not None]
        fields = {name: value for part in (*parts, thing) for name, value in msgspec.structs.asdict(part).items()}
        return SimpleNamespace(**fields) if beside else thing

    def _part(self, kind: Any, id_: str) -> Any:
        """A part of a record; a component that is missing as it begins."""
        there = stands_apart(kind) and self._get(kind.spec.of, id_) is not None
        return self._get(kind, id_) or (beginning(kind, id_) if there else None)

    def _parts(self, kind: Any) -> list[Any]:
        """All of a kind, those that are missing as they begin."""
        owners = self._all(kind.spec.of) if stands_apart(kind) else []
        return [self._part(kind, owner.id) for owner in owners] or self._all(kind)

    def _load(self, state: State, parts: Any, wanted: Callable[[str], bool], most: int | None = None) -> None:
        """SELECT ... ORDER BY id FOR UPDATE: a row that changed while one waited for it is looked at again."""
        self._statement(f"lock {parts[0].__name__}")
        for id_ in sorted(thing.id for thing in self._parts(parts[0]) if wanted(thing.id))[:most]:
            for kind in parts:
                self._lock_next(kind, id_)
            if all(self._part(kind, id_) is not None for kind in parts) and wanted(id_):
                for kind in parts:
                    self._hold(state, kind, id_)

    def _hold(self, state: State, kind: Any, id_: str) -> None:
        if self._get(kind, id_) is None:
            self._writes[kind, id_] = self._part(kind, id_)
        self._claims.held[kind][id_] = ()
        state.put([self._get(kind, id_)])

    def _see(self, state: State, parts: Any, wanted: Callable[[str], bool]) -> None:
        """SELECT, without locks."""
        self._statement(f"read {parts[0].__name__}")
        ids = [thing.id for thing in self._parts(parts[0]) if wanted(thing.id)]
        for kind in parts:
            self._claims.only_read[kind].update(ids)
            state.put([self._part(kind, id_) for id_ in ids])

    def _look_ahead(self, wanted: Merged, near: Near) -> None:
        """What is to be locked of what somebody sees, read without locks."""
        viewer = self._get(near.viewer, near.id)
        if viewer is None:
            return
        wanted.want(near.viewer, [viewer.id])
        for parts in near.parts:
            found = [thing for thing in self._all(parts[0]) if self._stands_in(near.box(viewer), thing)]
            for kind in parts:
                wanted.want(kind, nearest(viewer, found, near.most))

    def _surroundings(self, state: State, near: Near) -> None:
        viewer = None if near.most else state.get(near.viewer, near.id)
        if viewer is not None:
            for parts in near.parts:
                box = near.box(viewer)
                found = {thing.id for thing in self._all(parts[0]) if self._stands_in(box, thing)}
                self._see(state, parts, found.__contains__)

    def _stands_in(self, box: Box, thing: Any) -> bool:
        place, (zone, left, top, right, bottom) = thing.spec.place, box
        here = getattr(thing, place.zone) == zone and left <= getattr(thing, place.x) <= right
        return here and top <= getattr(thing, place.y) <= bottom and self._is_so(place.when, thing)

    def _sum_up(self, state: State, wanted: Merged) -> None:
        """The results of what is only read."""
        for listing in wanted.listings:
            self._statement(f"read {listing.kind.__name__}")
            state.results[listing] = self._list(listing)
        for column in wanted.columns:
            self._statement(f"read {column.kind.__name__}")
            every = [thing for thing in self._parts(column.kind) if self._is_so(column.when, thing)]
            found = [getattr(self._with_owner(thing), column.field) for thing in every]
            state.results[column] = tuple(sorted(found)[: column.most] if column.most else sorted(set(found)))
        for (kind, when, field), values in wanted.counts.items():
            self._statement(f"read {kind.__name__}")
            found = [thing for thing in self._parts(kind) if self._is_so(when, thing)]
            for value in values:
                number = sum(not field or getattr(self._with_owner(thing), field) == value for thing in found)
                state.results[Count(kind, when, field, value)] = number

    def _list(self, listing: Listing[Any]) -> tuple[Any, ...]:
        def is_meant(thing: Any) -> bool:
            mine = all(getattr(thing, field) == value for field, value in listing.equal)
            return mine and (listing.last or getattr(thing, listing.by) > listing.after)

        found = [thing for thing in self._all(listing.kind) if is_meant(thing)]
        found.sort(key=lambda thing: (getattr(thing, listing.by), thing.id))
        return tuple(found[-listing.most :] if listing.last else found[: listing.most])

    def _mail(self, state: State, wanted: Merged) -> None:
        if not (wanted.mail or wanted.mail_counts or wanted.due_ms):
            return
        self._statement("read outbox")
        rows = sorted(self._all("outbox"), key=lambda row: (row[1], row[0].id))
        mail = [_as_read(row) for row in rows if row[0].kind == "mail"]
        state.mail = {id_: tuple(w for w in mail if w.player == id_) for id_ in wanted.mail}
        counts = {id_: sum(w.player == id_ for w, _, _ in rows) for id_ in wanted.mail_counts}
        state.mail_counts = {id_: count for id_, count in counts.items() if count}
        state.untold = {id_: tuple(w for w in mail if w.player == id_ and w.untold) for id_ in wanted.mail_counts}
        if wanted.due_ms:
            actors = actor_kind()
            here = {actor.id for actor in self._all(actors) if actor.gateway}
            due = [w for w, _, due_ms in rows if due_ms <= wanted.due_ms][:DUE_ROWS_MAX]
            state.due = tuple(w for w in due if w.kind != "mail" or w.player in here)
            self._laid_aside = tuple(w.id for w in due if w not in state.due)
            receivers = {w.player for w in state.due if w.player}
            if receivers:
                self._see(state, [actors], receivers.__contains__)

    # Writing.

    def _write(self, table: Any, key: Any, value: Any) -> None:
        self._lock(table, key)
        self._writes[table, key] = value

    def _is_held_by_others(self, row: Key) -> bool:
        return self._store.locks.get(row) not in (None, self)

    @property
    def held(self) -> Held:
        return self._claims.held

    def check_writable(self, thing: Entity) -> None:
        self._claims.check(thing)

    def save(self, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        things = self._made_whole(put)
        for kind in (kind for together in in_order_of_saving() for kind in together):
            mine = sorted((thing for thing in things if type(thing) is kind), key=lambda thing: thing.id)
            if mine:
                self._statement(f"write {kind.__name__}")
            for thing in mine:
                self._put(kind, thing)
            keep = kind.spec.keep
            if keep and keep.newest:
                for value in sorted({getattr(thing, keep.per) for thing in mine}):
                    for old in self._oldest_first(kind, keep, value)[: -keep.newest]:
                        self._write(kind, old.id, None)
        for thing in drop:
            self._drop(thing)
        if self._laid_aside:
            self._lay_aside()

    def _made_whole(self, put: Sequence[Entity]) -> list[Any]:
        """What is put, and the components that those who are new lack."""
        there = {(type(thing), thing.id) for thing in put}
        new = [t for t in put if t.spec.of is None and self._get(type(t), t.id) is None]
        lacking = [(kind, t.id) for t in new for kind in record(type(t))[1:] if (kind, t.id) not in there]
        return [*put, *(beginning(kind, id_) for kind, id_ in lacking if self._get(kind, id_) is None)]

    def _oldest_first(self, kind: Any, keep: Keep, value: Any) -> list[Any]:
        found = [thing for thing in self._all(kind) if getattr(thing, keep.per) == value]
        return sorted(found, key=lambda thing: (getattr(thing, keep.by), thing.id))

    def _lay_aside(self) -> None:
        self._statement("lay aside outbox")
        for id_ in sorted(self._laid_aside):
            found = self._get("outbox", id_)
            if found is not None and found[2] <= self._sweep_ms and not self._is_held_by_others(("outbox", id_)):
                self._write("outbox", id_, (found[0], found[1], NEVER_MS))

    def _put(self, kind: Any, thing: Any) -> None:
        fault = wrong_value(thing)
        if fault:
            raise self._store.data_fault(fault)
        new = thing.id not in self._claims.held[kind] and self._claims.is_made(thing)
        if new and not self._is_being_written((kind, thing.id)):  # who has only locked it is not waited for
            self._check_new(kind, thing)
        self._write(kind, thing.id, thing)
        if new:
            self._check_new(kind, thing)

    def _is_being_written(self, row: Key) -> bool:
        holder = self._store.locks.get(row)
        return holder is not None and row in holder._writes

    def _check_new(self, kind: Any, thing: Any) -> None:
        if thing.id in self._store.things[kind]:
            raise Retryable("conflict", f"Two transactions made the same row: {thing.id}")

    def _drop(self, thing: Any) -> None:
        self._statement(f"delete {type(thing).__name__}")
        for part in (type(thing),) if thing.spec.of else record(type(thing)):
            self._write(part, thing.id, None)
        for kind, keep in ((kind, kind.spec.keep) for kind in kinds()):
            if keep and keep.along is type(thing):
                value = getattr(thing, keep.per)
                if all(getattr(other, keep.per) != value for other in self._all(type(thing))):
                    for gone in self._oldest_first(kind, keep, value):
                        self._write(kind, gone.id, None)
        if thing.spec.session:
            for key in [key for key, kept in self._store.outcomes.items() if kept.session == thing.id]:
                self._write("outcomes", key, None)

    def keep(self, kept: Sequence[Stored]) -> None:
        if kept:
            self._statement("write outcomes")
        for stored in kept:
            self._write("outcomes", (stored.lane, stored.slot), stored)

    def add_waiting(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        if rows:
            self._statement("write outbox")
        for row in sorted(rows, key=lambda row: row.id):
            self._lock("outbox", row.id)
            if self._get("outbox", row.id) is None:
                self._writes["outbox", row.id] = row, now_ms, UNTOLD_MS if row.untold else due_ms

    def merge_waiting(self, rows: Sequence[Waiting], due_ms: int) -> None:
        if rows:
            self._statement("merge outbox")
        for row in sorted(rows, key=lambda row: row.id):
            self._lock("outbox", row.id)
            found = self._get("outbox", row.id)
            if found is not None:
                self._writes["outbox", row.id] = row, found[1], UNTOLD_MS if row.untold else due_ms

    def postpone_waiting(self, ids: Sequence[str], due_ms: int) -> None:
        if ids:
            self._statement("postpone outbox")
        for id_ in sorted({id_ for id_ in ids if self._get("outbox", id_)}):
            if self._sweep_ms and self._is_held_by_others(("outbox", id_)):
                continue  # somebody deals with it
            self._lock_next("outbox", id_)
            found = self._get("outbox", id_)
            if found is not None:
                self._writes["outbox", id_] = (found[0], found[1], due_ms)

    def remove_waiting(self, ids: Sequence[str]) -> None:
        if ids:
            self._statement("delete outbox")
        for id_ in sorted({id_ for id_ in ids if self._get("outbox", id_)}):
            self._lock_next("outbox", id_)
            self._write("outbox", id_, None)

    def need_not_wait_for_disk(self) -> None:
        """No machine loses its power here."""

    def begin_trial(self, trial: Trial) -> None:
        if not trial.counted:
            with self._store.beside() as transaction:
                transaction.count_trial(trial.id, trial.now_ms)
            trial.counted = True

    def count_less(self, id_: str) -> None:
        self._statement("take trial back")
        self._lock("trials", id_)
        count = self._get("trials", id_)
        if count is not None:  # otherwise it was forgotten meanwhile
            self._writes["trials", id_] = count - 1 or None

    def count_trial(self, id_: str, now_ms: int) -> int:
        self._statement("count trial")
        self._lock("trials", id_)
        count: int = (self._get("trials", id_) or 0) + 1
        self._writes["trials", id_] = count
        return count

    def forget_trials(self, ids: Sequence[str]) -> None:
        if ids:
            self._statement("delete trials")
        for id_ in sorted({id_ for id_ in ids if self._get("trials", id_)}):
            self._write("trials", id_, None)

    def add_dead(self, letter: DeadLetter) -> None:
        self._statement("write dead letter")
        self._lock("dead_letters", letter.id)
        if self._get("dead_letters", letter.id) is None:
            self._writes["dead_letters", letter.id] = letter

    def set_aside(self, faults: dict[Waiting, str], now_ms: int) -> None:
        self.postpone_waiting([row.id for row in faults], now_ms + PAUSE_MS)
        self.note_unread([row.id for row in faults], 0, now_ms)

    def note_unread(self, ids: Sequence[str], number: int, now_ms: int) -> None:
        self._statement("write unread")
        for id_ in sorted(ids):
            self._lock_next("unread", id_)
            self._write("unread", id_, (number, now_ms))

    def take_dead(self, id_: str) -> DeadLetter | None:
        self._statement("delete dead letter")
        letter: DeadLetter | None = self._get("dead_letters", id_)
        if letter is not None:
            self._write("dead_letters", id_, None)
        return letter


def _as_read(row: tuple[Waiting, int, int]) -> Waiting:
    """A row of the outbox as a SELECT finds it."""
    return replace(row[0], untold=row[2] == UNTOLD_MS)


def _row_of(table: Any) -> Any:
    """In whose rows a thing stands."""
    return table.spec.of if isinstance(table, type) and table.spec.within else table


def wrong_value(thing: Entity) -> str:
    """Which of a thing's values neither database takes, "" for none."""
    for name, wanted in _types(type(thing)):
        value = getattr(thing, name)
        if type(value) is not wanted or (wanted is int and not -INT_MAX <= value <= INT_MAX):
            return f"{type(thing).__name__}.{name} takes no {value!r:.20}"
        if wanted is str and "\0" in value:
            return f"{type(thing).__name__}.{name} takes no character 0"
    return ""


@cache
def _types(kind: type[Entity]) -> list[tuple[str, type]]:
    return [(field.name, field.type) for field in msgspec.structs.fields(kind)]


def bad_data(fault: str) -> Exception:
    """What the real store raises for a value that is not taken."""
    return Corrupt("bad_data", fault)
