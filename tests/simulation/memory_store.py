"""The data tier as dictionaries, for simulation. Held to the contract of the real one (``test_contract``).

Transactions see what others committed (read committed) and lock rows as PostgreSQL does, one after the other in the
order of their ids. Who waits for a row is let on when it
is free, gives up after ``LOCK_WAIT_S``, and is told of a deadlock at once. As SQLite it has one writer at a time.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, Protocol

import msgspec

from gameserver.clocks import CLOCK_TOLERANCE_MS
from gameserver.errors import Corrupt, Retryable
from gameserver.rules.outcome import KINDS_OF_THINGS, Needs, State, Waiting
from gameserver.rules.view import view_box
from gameserver.store.claims import Claims, Held
from gameserver.store.engine import LOCK_WAIT_S
from gameserver.store.loading import DUE_ROWS_MAX, HISTORY_LINES, ROLL_ROWS_MAX, merge
from gameserver.store.pruning import NEVER_MS
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.store.unread import FRESH_MS, PAUSE_MS
from gameserver.world.maps import World
from gameserver.world.state import (
    Account,
    ChatLine,
    Creature,
    Gateway,
    Membership,
    Player,
    Session,
    Thing,
    ZoneClock,
)
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
        self.things: dict[type[Thing], dict[str, Any]] = {kind: {} for kind in KINDS_OF_THINGS}
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

    def account(self, player: str) -> Account | None:
        self.statement("read account")
        return self.things[Account].get(player)

    def session_by_token(self, token_hash: str) -> Session | None:
        self.statement("read session")
        found = [s for s in self.things[Session].values() if token_hash in (s.token, s.token_before)]
        return found[0] if found and token_hash else None

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
    """One batch's work. Writes are kept apart until the commit. ``note``, ``event``: for who watches from outside."""

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
        row = table, key
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
        need = merge(needs)
        self._claims.ask(need)
        self._sweep_ms = need.now_ms if need.orphans_before_ms else 0
        state = State(self._store.world)
        state.transaction = self  # type: ignore[attr-defined] # for who watches from outside
        zones = frozenset(need.zones)
        self._found(state, Account, need.accounts, ())
        if need.sessions or need.sessions_of:
            self._load(state, Session, lambda s: s.id in need.sessions or s.player in need.sessions_of)
        orphans = self._orphans(state, need) if need.orphans_before_ms else set()
        if need.gateways:
            self._see(state, Gateway, lambda g: g.id in need.gateways)
        self._rolls(state, need)
        self._found(state, ZoneClock, (*need.clocks, *need.zones), ())
        around = self._look_ahead(need)
        self._found(state, Player, {*need.players, *orphans, *around}, zones)
        self._found(state, Creature, {*need.creatures, *around}, zones)
        self._surroundings(state, need)
        if need.memberships_of:
            self._load(state, Membership, lambda m: m.player in need.memberships_of)
        self._histories(state, need)
        self._mail(state, need)
        self._crowd(state, need)
        return state

    def _found(self, state: State, kind: Any, ids: Collection[str], zones: Iterable[str]) -> None:
        if ids or zones:
            self._load(state, kind, lambda thing: thing.id in ids or _stands_in(thing, zones))

    def _load(self, state: State, kind: Any, wanted: Callable[[Any], bool], most: int = DUE_ROWS_MAX) -> list[Any]:
        """SELECT ... ORDER BY id FOR UPDATE: a row that changed while one waited for it is looked at again."""
        self._statement(f"lock {kind.__name__}")
        found = []
        for id_ in sorted(thing.id for thing in self._all(kind) if wanted(thing))[:most]:
            self._lock_next(kind, id_)
            thing = self._get(kind, id_)
            if thing is not None and wanted(thing):
                found.append(thing)
                self._claims.held[kind][id_] = ()
        state.put(found)
        return found

    def _see(self, state: State, kind: Any, wanted: Callable[[Any], bool]) -> None:
        """SELECT, without locks."""
        self._statement(f"read {kind.__name__}")
        state.put([thing for thing in self._all(kind) if wanted(thing)])

    def _orphans(self, state: State, need: Needs) -> set[str]:
        """Locks the sessions that nobody holds any more. Gives their players."""
        latest_ms = need.now_ms + CLOCK_TOLERANCE_MS
        heard = {g.id for g in self._all(Gateway) if need.orphans_before_ms <= g.seen_ms <= latest_ms}

        def is_due(session: Session) -> bool:
            silent = session.gateway != "" and session.gateway not in heard
            return silent or 0 < session.expires_ms <= need.now_ms

        return {session.player for session in self._load(state, Session, is_due)}

    def _look_ahead(self, need: Needs) -> set[str]:
        """Whom ``around_locked`` is about, read without locks."""
        viewers = [player for id_ in need.around_locked if (player := self._get(Player, id_))]
        bodies = [*self._all(Player), *self._all(Creature)] if viewers else []
        return {b.id for b in bodies for v in viewers if _is_around(v.zone, view_box(v), b)} | {v.id for v in viewers}

    def _rolls(self, state: State, need: Needs) -> None:
        if not need.held_by:
            return
        self._statement("read Session")
        held = [session for session in self._all(Session) if session.gateway]
        state.held_counts = {id_: sum(s.gateway == id_ for s in held) for id_ in need.held_by}
        for id_ in need.rolls:
            found = [s for s in held if s.gateway == id_ and s.conn > need.roll_after]
            state.rolls[id_] = tuple(sorted(found, key=lambda s: s.conn)[:ROLL_ROWS_MAX])

    def _surroundings(self, state: State, need: Needs) -> None:
        for id_ in need.around:
            viewer = state.players.get(id_)
            if viewer is not None:
                seen = partial(_is_around, viewer.zone, view_box(viewer))
                self._see(state, Player, seen)
                self._see(state, Creature, seen)

    def _histories(self, state: State, need: Needs) -> None:
        for channel in need.histories:
            self._statement("read lines")
            state.histories[channel] = tuple(self._lines(channel)[-HISTORY_LINES:])

    def _lines(self, channel: str) -> list[ChatLine]:
        lines = [line for line in self._all(ChatLine) if line.channel == channel]
        return sorted(lines, key=lambda line: (line.at_ms, line.id))

    def _mail(self, state: State, need: Needs) -> None:
        if not (need.mail or need.mail_counts or need.orphans_before_ms):
            return
        self._statement("read outbox")
        rows = sorted(self._all("outbox"), key=lambda row: (row[1], row[0].id))
        state.mail = {id_: tuple(w for w, _, _ in rows if w.player == id_ and w.kind == "mail") for id_ in need.mail}
        counts = {id_: sum(w.player == id_ for w, _, _ in rows) for id_ in need.mail_counts}
        state.mail_counts = {id_: count for id_, count in counts.items() if count}
        if need.orphans_before_ms:
            here = {player.id for player in self._all(Player) if player.present}
            due = [w for w, _, due_ms in rows if due_ms <= need.now_ms][:DUE_ROWS_MAX]
            state.due = tuple(w for w in due if w.kind != "mail" or w.player in here)
            self._laid_aside = tuple(w.id for w in due if w not in state.due)
            receivers = {w.player for w in state.due if w.player}
            if receivers:
                self._see(state, Player, lambda player: player.id in receivers)

    def _crowd(self, state: State, need: Needs) -> None:
        if not (need.online or need.busy_zones):
            return
        self._statement("read crowd")
        here = [player for player in self._all(Player) if player.present]
        state.online = (tuple(sorted(player.name for player in here)), len(here))
        state.busy_zones = frozenset(player.zone for player in here)
        state.hurt_zones = frozenset(p.zone for p in here if p.hp < p.hp_max or p.dead_until_ms > 0)

    # Writing.

    def _write(self, table: Any, key: Any, value: Any) -> None:
        self._lock(table, key)
        self._writes[table, key] = value

    def _is_held_by_others(self, row: Key) -> bool:
        return self._store.locks.get(row) not in (None, self)

    @property
    def held(self) -> Held:
        return self._claims.held

    def check_writable(self, thing: Thing) -> None:
        self._claims.check(thing)

    def save(self, put: Sequence[Thing], drop: Sequence[Thing]) -> None:
        for kind in KINDS_OF_THINGS:
            things = sorted((thing for thing in put if type(thing) is kind), key=lambda thing: thing.id)
            if things:
                self._statement(f"write {kind.__name__}")
            for thing in things:
                self._put(kind, thing)
        for channel in sorted({line.channel for line in put if isinstance(line, ChatLine)}):
            for line in self._lines(channel)[:-HISTORY_LINES]:
                self._write(ChatLine, line.id, None)
        for thing in drop:
            self._drop(thing)
        if self._laid_aside:
            self._lay_aside()

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
        self._write(type(thing), thing.id, None)
        if isinstance(thing, Membership) and all(m.channel != thing.channel for m in self._all(Membership)):
            for line in self._lines(thing.channel):
                self._write(ChatLine, line.id, None)
        if isinstance(thing, Session):
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
                self._writes["outbox", row.id] = row, now_ms, due_ms

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


def wrong_value(thing: Thing) -> str:
    """Which of a thing's values neither database takes, "" for none."""
    for name, wanted in _types(type(thing)):
        value = getattr(thing, name)
        if type(value) is not wanted or (wanted is int and not -INT_MAX <= value <= INT_MAX):
            return f"{type(thing).__name__}.{name} takes no {value!r:.20}"
        if wanted is str and "\0" in value:
            return f"{type(thing).__name__}.{name} takes no character 0"
    return ""


@cache
def _types(kind: type[Thing]) -> list[tuple[str, type]]:
    return [(field.name, field.type) for field in msgspec.structs.fields(kind)]


def bad_data(fault: str) -> Exception:
    """What the real store raises for a value that is not taken."""
    return Corrupt("bad_data", fault)


def _is_around(zone: str, box: tuple[int, int, int, int], body: Any) -> bool:
    left, top, right, bottom = box
    there = body.zone == zone and left <= body.x <= right and top <= body.y <= bottom
    return there and (isinstance(body, Creature) or body.present)


def _stands_in(thing: Any, zones: Iterable[str]) -> bool:
    """Whether a need for whole zones takes it along."""
    if not zones or isinstance(thing, ZoneClock):
        return False
    return thing.zone in zones and (isinstance(thing, Creature) or thing.present)
