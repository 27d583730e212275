"""What the rest of the code uses of the data tier: transactions for processing, reads that need no lock, migration."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Engine, bindparam, delete, literal_column, select, update
from sqlalchemy.exc import DBAPIError

from gameserver.declare.entity import Entity
from gameserver.errors import Corrupt, Retryable
from gameserver.maps.objects import World
from gameserver.rules.needs import Needs, merge
from gameserver.rules.outcome import State, Waiting
from gameserver.server_time import ServerClock
from gameserver.store import loading, pruning, saving, selects, unread_rows
from gameserver.store.engine import open_engine, writer_lock_path
from gameserver.store.faults import blame
from gameserver.store.locked_rows import Claims, Held
from gameserver.store.migrate import migrate, refuse_lacking, shape
from gameserver.store.statements import Rows, among, locked, reading, writing
from gameserver.store.tables import UNTOLD_MS, dead_letters, facts, metadata, outbox, outcomes, trials
from gameserver.store.writer_lock import WriterLock

_OUTCOME = select(outcomes.c.direct).where(outcomes.c.lane == bindparam("lane"), outcomes.c.seq == bindparam("number"))
_WAITING = select(outbox.c.id).where(among(outbox.c.id, "ids")).order_by(outbox.c.id).with_for_update()
_POSTPONED = update(outbox).values(due_ms=bindparam("later_ms"))
_POSTPONE = _POSTPONED.where(locked(outbox, among(outbox.c.id, "ids")))
_POSTPONE_FREE = _POSTPONED.where(locked(outbox, among(outbox.c.id, "ids"), skip=True))
_REMOVE_WAITING = delete(outbox).where(locked(outbox, among(outbox.c.id, "ids")))
_FACT = select(facts.c.value).where(facts.c.id == bindparam("name"))
_TRIALS = select(trials.c.id, trials.c.count).where(among(trials.c.id, "ids"))
_TRIAL = select(trials.c.count).where(trials.c.id == bindparam("event")).with_for_update()
_COUNT_LESS = update(trials).values(count=trials.c.count - 1).where(trials.c.id == bindparam("event"))
_FORGET_UNCOUNTED = delete(trials).where(trials.c.id == bindparam("event"), trials.c.count <= 0)
_FORGET_TRIALS = delete(trials).where(locked(trials, among(trials.c.id, "ids")))
_DEAD = select(dead_letters).where(dead_letters.c.id == bindparam("event")).with_for_update()
_TIME: Any = select(literal_column("(extract(epoch from clock_timestamp()) * 1000)::bigint"))
# What every user may see, and without the connections that are kept for administrators.
_CONNECTIONS: Any = select(
    literal_column("(SELECT sum(numbackends) FROM pg_stat_database)"),
    literal_column(
        "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        " - coalesce(current_setting('reserved_connections', true), '0')::int"
    ),
)
_DROP_DEAD = delete(dead_letters).where(dead_letters.c.id == bindparam("event"))


T = TypeVar("T", bound=Entity)


def _id(row: Waiting) -> str:
    return row.id


class Stored(msgspec.Struct, frozen=True):
    """An outcome to be kept: the encoded reply to the event with this number in a session's lane (``lane_key``)."""

    lane: str
    slot: int
    session: str
    seq: int
    direct: bytes


class Trial(msgspec.Struct):
    """A trial to be counted, of an event or of a whole message. ``id``: what it is counted under.

    ``ends``: it is over, and forgotten, with the transaction that it is tried in. ``counted``: it was, and has not been
    taken back.
    """

    id: str
    now_ms: int
    ends: bool = True
    counted: bool = False


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that was given up. ``envelope``: as JSON, its secrets sealed. ``at_ms``: when it was accepted."""

    id: str
    family: str
    event: str
    player: str
    attempts: int
    cause: str
    traceback: str
    envelope: bytes
    at_ms: int
    dead_ms: int


# What may be written before SQLite's log is copied into the database: a page for each row at most, and a few for each
# commit. Where the same few thousand rows change over and over that is some thirty batches, and 10 ms of the disk's.
TIDY_PAGES = 12_000
COMMIT_PAGES = 3

TIME_ASKED_EVERY_S = 30.0
CHECK = "check"  # the id under which a trial is counted, and forgotten, to find out whether that can be done


def _wall_ms() -> int:
    return int(time.time() * 1000)


class Store:
    """The data tier. Every method raises ``Retryable`` when the database is away or two transactions collide.

    So does making one, where the folder of SQLite's file is not there and can't be made.

    ``wall_ms``: this machine's clock.
    """

    def __init__(self, url: str, world: World, *, wall_ms: Callable[[], int] = _wall_ms) -> None:
        self._url = url
        self.world = world  # that rules are given; see operations.current_maps
        self._engine: Engine = open_engine(url)
        self._writer_lock = WriterLock(writer_lock_path(self._engine))
        self._one_writer = self._engine.dialect.name == "sqlite"
        self._untidy = 0  # pages written since it was last tidied, at most
        self._wall_ms = wall_ms
        # A database of this machine's own has its clock.
        self._clock = None if self._one_writer else ServerClock(time.monotonic, wall_ms)

    def migrate(self) -> None:
        """Bring the tables to today's shape."""
        try:
            migrate(self._url)
            refuse_lacking(self._url)
        except DBAPIError as error:
            raise blame(error.orig if isinstance(error.orig, Exception) else error, self._engine) from error

    def check(self) -> None:
        """Do once what batches do: read and write each table, and commit. Raises ``Retryable`` or ``Corrupt``."""
        with self.transaction() as transaction:
            transaction.check()

    def refuse_unknown(self) -> None:
        """Raise ``Corrupt`` ``schema_differs`` for a database that a newer version or another game has migrated.

        Workers go on with such a one, as in an upgrade; what an operator begins by hand may concern all that is in it.
        """
        found = shape(self._engine)
        if not found.known:
            raise Corrupt("schema_differs", f"{found}.")

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()
        self._writer_lock.close()

    @contextmanager
    def transaction(self, trial: Trial | None = None) -> Iterator["Transaction"]:
        """All of it or nothing. Whatever becomes of it, ``trial`` stays counted once it was begun.

        Only who gives way (``Retryable``) takes it back. Counted means begun with all that it needs: on PostgreSQL the
        count is committed, over a second connection, when ``Transaction.begin_trial`` says that all is locked. SQLite
        has one writer: there it is counted first, within the same turn, so that nobody can come between.
        """
        with self._writer_lock.turn():
            if trial is not None and self._one_writer:
                self._count(trial)
            try:
                with writing(self._engine) as rows:
                    before = rows.changed if self._one_writer else 0
                    yield Transaction(rows, self.world, self._count)
                    if self._one_writer:
                        self._untidy += rows.changed - before + COMMIT_PAGES
            except Retryable:
                if trial is not None:
                    self._take_back(trial)
                raise

    def _count(self, trial: Trial) -> None:
        """In a transaction of its own, unless it is counted."""
        if not trial.counted:
            with writing(self._engine) as rows:
                _count_trial(rows, trial.id, trial.now_ms)
            trial.counted = True

    def _take_back(self, trial: Trial) -> None:
        """Tries to: a database that is away may keep one trial too many."""
        if trial.counted:
            with suppress(Retryable), writing(self._engine) as rows:
                rows.run(_COUNT_LESS, event=trial.id)
                rows.run(_FORGET_UNCOUNTED, event=trial.id)
                trial.counted = False

    def now_ms(self) -> int:
        """Server time, milliseconds since 1970: the database server's clock, as it was when it was last asked."""
        return self._clock.now_ms() if self._clock else self._wall_ms()

    def skew_ms(self) -> float:
        """How far this machine's clock is ahead of server time."""
        return self._clock.skew_ms if self._clock else 0.0

    def learn_time(self) -> None:
        """Ask the database server what time it is."""
        if self._clock:
            with reading(self._engine) as rows:
                after_s = time.monotonic()
                (now_ms,) = rows.column(_TIME)
                self._clock.learn(now_ms, after_s, time.monotonic())

    def tidy(self) -> None:
        """What must be done now and then and keeps others waiting: for a moment in which nobody does.

        SQLite copies its log into the database when it has grown. Left to itself it does so within a commit: every
        fiftieth batch of a busy server took twice as long.
        """
        if self._clock and self._clock.age_s > TIME_ASKED_EVERY_S:
            self.learn_time()
        if self._untidy >= TIDY_PAGES:
            with reading(self._engine) as rows:
                rows.checkpoint()
            self._untidy = 0

    def get(self, kind: type[T], id_: str) -> T | None:
        """An entity by its id, read without a lock."""
        return self.find(kind, ("id",), id_)

    def find(self, kind: type[T], fields: tuple[str, ...], value: str) -> T | None:
        """An entity one of whose fields has this value, read without a lock; none has "" there."""
        with reading(self._engine) as rows:
            row = rows.first(selects.finding(kind, fields), value=value)
        return kind(*row) if row and value else None

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these events was tried in vain."""
        with reading(self._engine) as rows:
            return dict(rows.all(_TRIALS, ids=ids))

    def begin_trial(self, id_: str, now_ms: int) -> int:
        """Count a trial of an event, whatever comes of it. Returns how often it was tried, this time included."""
        with self.transaction() as transaction:
            return transaction.count_trial(id_, now_ms)

    def forget_trials(self, ids: Sequence[str]) -> None:
        """These came to an end."""
        with self.transaction() as transaction:
            transaction.forget_trials(ids)

    def connections(self) -> tuple[int, int] | None:
        """How many connections the database server has, and how many it allows; ``None`` for SQLite, which has none."""
        if self._one_writer:
            return None
        with reading(self._engine) as rows:
            ((used, allowed),) = rows.all(_CONNECTIONS)
        return int(used), int(allowed)

    def dead_letters(
        self, *, family: str = "", player: str = "", since_ms: int = 0, id_: str = "", most: int = 1000
    ) -> list[DeadLetter]:
        """Dead letters, newest first; each filter that is given must match."""
        filters = [dead_letters.c.dead_ms >= since_ms]
        filters += [dead_letters.c.family == family] if family else []
        filters += [dead_letters.c.player == player.lower()] if player else []
        filters += [dead_letters.c.id == id_] if id_ else []
        query = select(dead_letters).where(*filters).order_by(dead_letters.c.dead_ms.desc()).limit(most)
        with reading(self._engine) as rows:
            return [DeadLetter(*row) for row in rows.all(query)]

    def going_on(self, ids: Sequence[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
        """Which events of an unreadable message are put off, and as which copy; see ``store.unread_rows``."""
        with reading(self._engine) as rows:
            return unread_rows.going_on(rows, ids, copy, now_ms)

    def note_unread(self, ids: Sequence[str], copy: int, now_ms: int) -> None:
        """They were put off."""
        with self.transaction() as transaction:
            transaction.note_unread(ids, copy, now_ms)

    def portion(self, kind: type[T], after: str, most: int) -> list[T]:
        """Entities of a kind whose ids come after one, in the order of their ids, read without locks."""
        with reading(self._engine) as rows:
            return [kind(*row) for row in rows.all(selects.portion(kind), after=after, most=most)]

    def later(self, kind: type[T], by: str, after: int, most: int) -> list[T]:
        """The first entities of a kind whose field is greater, in its order, read without locks."""
        with reading(self._engine) as rows:
            return [kind(*row) for row in rows.all(selects.following(kind, by), after=after, most=most)]

    def fact(self, name: str) -> str:
        """What is noted of the whole database; "" when nothing is."""
        with reading(self._engine) as rows:
            return next(iter(rows.column(_FACT, name=name)), "")

    def set_fact(self, name: str, value: str) -> None:
        """Note something of the whole database."""
        with self.transaction() as transaction:
            transaction.set_fact(name, value)

    def unread(self, since_ms: int) -> int:
        """How much was put off since then because nobody who took it could read it."""
        with reading(self._engine) as rows:
            return unread_rows.count(rows, since_ms)

    def published(self, ids: Sequence[str]) -> None:
        """Outbox rows that had only to be published are done with."""
        if ids:
            with self.transaction() as transaction:
                transaction.remove_waiting(ids)


def _each_right() -> Iterator[str]:
    """Statements that a database refuses where it would refuse a batch's: to a user, in a standby, without a table."""
    for table in metadata().tables.values():
        name, column = f'"{table.name}"', f'"{table.columns[0].name}"'
        yield f"INSERT INTO {name} SELECT * FROM {name} WHERE 1 = 0"  # noqa: S608 - names of ours
        yield f"UPDATE {name} SET {column} = {column} WHERE 1 = 0"  # noqa: S608
        yield f"DELETE FROM {name} WHERE 1 = 0"  # noqa: S608


def _count_trial(rows: Rows, id_: str, now_ms: int) -> int:
    before: int = next(iter(rows.column(_TRIAL, event=id_)), 0)
    saving.upsert(rows, trials, [(id_, before + 1, now_ms)])
    return before + 1


class Transaction:
    """One batch's work on the data tier."""

    def __init__(self, rows: Rows, world: World, count: Callable[[Trial], None]) -> None:
        self._rows = rows
        self._world = world
        self._count = count
        self._claims = Claims()
        self._state: State | None = None
        self._sweep_ms = 0  # when this is a sweep: its time

    def check(self) -> None:
        """Use each right to each table, on no row of it; and write what a commit needs the disk for, and remove it."""
        for statement in _each_right():
            self._rows.command(statement)
        self.count_trial(CHECK, 0)
        self.forget_trials([CHECK])

    def stored(self, lane: str, seq: int) -> bytes | None:
        """The outcome that was stored for an event, if it is still kept."""
        return next(iter(self._rows.column(_OUTCOME, lane=lane, number=seq)), None)

    def load(self, needs: Sequence[Needs]) -> State:
        """What the batch's rules need, locked."""
        merged = merge(needs)
        self._sweep_ms = merged.due_ms
        self._state = loading.load(self._rows, merged, self._world, self._claims)
        return self._state

    @property
    def held(self) -> Held:
        """What is locked, by kind and id: it may be written."""
        return self._claims.held

    def check_writable(self, thing: Entity) -> None:
        """Raises ``Corrupt`` ``not_locked`` for an entity that was neither locked nor looked for; see ``claims``."""
        self._claims.check(thing)

    def waiting(self, ids: Sequence[str]) -> frozenset[str]:
        """Which of these outbox rows are there, locked."""
        if not ids:
            return frozenset()
        return frozenset(self._rows.column(_WAITING, ids=ids))

    def save(self, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        """Write what rules changed, once in a transaction; a sweep tidies up as well."""
        saving.put_things(self._rows, put, self._claims)
        saving.drop_things(self._rows, drop)
        if self._sweep_ms and self._state is not None:
            pruning.lay_aside(self._rows, self._state.laid_aside, self._sweep_ms)
            pruning.prune(self._rows, self._sweep_ms)

    def keep(self, kept: Sequence[Stored]) -> None:
        """Write outcomes, each into its slot."""
        saving.upsert(self._rows, outcomes, [astuple(stored) for stored in kept])

    def add_waiting(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        """Put rows into the outbox. Those that are ``untold`` are never due."""
        added = [
            (row.id, row.kind, row.player, row.body, now_ms, UNTOLD_MS if row.untold else due_ms)
            for row in sorted(rows, key=_id)
        ]
        saving.insert_new(self._rows, outbox, added)

    def merge_waiting(self, rows: Sequence[Waiting], due_ms: int) -> None:
        """Write anew what rows of the outbox say that were ``untold``. Those that are so no longer are due then."""
        changed = [(row.body, UNTOLD_MS if row.untold else due_ms, row.id) for row in sorted(rows, key=_id)]
        self._rows.change(outbox, ("body", "due_ms"), changed)

    def postpone_waiting(self, ids: Sequence[str], due_ms: int) -> None:
        """Outbox rows were just sent again. A sweep passes over those that somebody deals with at this moment."""
        if ids:
            self._rows.run(_POSTPONE_FREE if self._sweep_ms else _POSTPONE, ids=sorted(ids), later_ms=due_ms)

    def set_aside(self, faults: dict[Waiting, str], now_ms: int) -> None:
        """Let outbox rows that this process can't read wait for another."""
        unread_rows.set_aside(self._rows, faults, now_ms)

    def note_unread(self, ids: Sequence[str], copy: int, now_ms: int) -> None:
        """These events wait for another process, in a copy of that number."""
        unread_rows.note(self._rows, ids, copy, now_ms)

    def set_fact(self, name: str, value: str) -> None:
        """Note something of the whole database."""
        saving.upsert(self._rows, facts, [(name, value)])

    def take_dead(self, id_: str) -> DeadLetter | None:
        """Remove a dead letter, and give it."""
        row = self._rows.first(_DEAD, event=id_)
        self._rows.run(_DROP_DEAD, event=id_)
        return DeadLetter(*row) if row else None

    def need_not_wait_for_disk(self) -> None:
        """Commit at once: what this transaction writes may be lost with the machine's power, though not otherwise."""
        self._rows.waits_for_disk = False

    def begin_trial(self, trial: Trial) -> None:
        """All that it needs is locked: count it, and keep the count though this transaction may come to nothing."""
        self._count(trial)

    def count_trial(self, id_: str, now_ms: int) -> int:
        """Count a trial of an event, as part of this transaction."""
        return _count_trial(self._rows, id_, now_ms)

    def forget_trials(self, ids: Sequence[str]) -> None:
        """These events came to an end."""
        if ids:
            self._rows.run(_FORGET_TRIALS, ids=sorted(ids))

    def add_dead(self, letter: DeadLetter) -> None:
        """Keep an event that was given up."""
        saving.insert_new(self._rows, dead_letters, [astuple(letter)])

    def remove_waiting(self, ids: Sequence[str]) -> None:
        """Outbox rows were dealt with."""
        if ids:
            self._rows.run(_REMOVE_WAITING, ids=sorted(ids))
