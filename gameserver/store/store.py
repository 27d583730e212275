"""What the rest of the house uses of the data tier: transactions for ``apply``, reads that need no lock, migration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, Engine, bindparam, delete, or_, select, update

from gameserver.rules.outcome import Needs, State, Waiting
from gameserver.store import loading, saving
from gameserver.store.engine import open_engine, turnstile_path, worldly_errors
from gameserver.store.migrate import migrate
from gameserver.store.tables import accounts, dead_letters, marks, outbox, outcomes, sessions, trials
from gameserver.store.turnstile import Turnstile
from gameserver.world.maps import World
from gameserver.world.state import Account, Session, Thing

_MOVE_MARK = (
    update(marks)
    .where(marks.c.id == bindparam("mark_id"))
    .values(seq=bindparam("new_seq"), stored=bindparam("new_stored"))
)


class Mark(msgspec.Struct, frozen=True):
    """A watermark: the last sequence number applied in a lane, and how many outcomes were stored in it so far."""

    id: str
    session: str
    seq: int
    stored: int


class Stored(msgspec.Struct, frozen=True):
    """An outcome to be kept: the encoded reply to the event with this number."""

    mark: str
    session: str
    slot: int
    seq: int
    direct: bytes


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


class Store:
    """The data tier. Every method raises ``Retryable`` when the database is away or two transactions collide."""

    def __init__(self, url: str, world: World) -> None:
        self._url = url
        self._world = world
        self._engine: Engine = open_engine(url)
        self._turnstile = Turnstile(turnstile_path(self._engine))

    def migrate(self) -> None:
        """Bring the tables to today's shape."""
        migrate(self._url)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()
        self._turnstile.close()

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """All of it or nothing."""
        with self._turnstile.turn(), worldly_errors(), self._engine.begin() as connection:
            yield Transaction(connection, self._world)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with worldly_errors(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def account(self, player: str) -> Account | None:
        """An account, read without a lock."""
        with self._reading() as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == player)).first()
        return loading.to_thing(Account, row) if row else None

    def session_by_token(self, token_hash: str) -> Session | None:
        """The session that a token's hash opens (its present one or the one before), read without a lock."""
        opens = or_(sessions.c.token == token_hash, sessions.c.token_before == token_hash)
        with self._reading() as connection:
            row = connection.execute(select(sessions).where(opens)).first()
        return loading.to_thing(Session, row) if row and token_hash else None

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these events was tried in vain."""
        with self._reading() as connection:
            rows = connection.execute(select(trials.c.id, trials.c.count).where(trials.c.id.in_(ids)))
            return {id_: count for id_, count in rows}  # noqa: C416 - rows are not pairs to a type checker

    def begin_trial(self, id_: str, now_ms: int) -> int:
        """Count that an event is about to be tried (again). Returns how often it was, this time included."""
        with self.transaction() as transaction:
            return transaction.count_trial(id_, now_ms)

    def dead_letters(
        self, *, family: str = "", player: str = "", since_ms: int = 0, id_: str = "", most: int = 1000
    ) -> list[DeadLetter]:
        """Dead letters, newest first; each filter that is given must match."""
        filters = [dead_letters.c.dead_ms >= since_ms]
        filters += [dead_letters.c.family == family] if family else []
        filters += [dead_letters.c.player == player.lower()] if player else []
        filters += [dead_letters.c.id == id_] if id_ else []
        query = select(dead_letters).where(*filters).order_by(dead_letters.c.dead_ms.desc()).limit(most)
        with self._reading() as connection:
            return [DeadLetter(*row) for row in connection.execute(query)]

    def published(self, ids: Sequence[str]) -> None:
        """Outbox rows that had only to be published are done with."""
        if ids:
            with self.transaction() as transaction:
                transaction.remove_waiting(ids)


class Transaction:
    """One batch's work on the data tier."""

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world

    def marks(self, ids: Sequence[str]) -> dict[str, Mark]:
        """Watermarks, locked, so that a second run of the same event waits for the first and then sees it done."""
        if not ids:
            return {}
        query = select(marks).where(marks.c.id.in_(ids)).order_by(marks.c.id).with_for_update()
        return {row.id: Mark(*row) for row in self._connection.execute(query)}

    def stored(self, mark: str, seq: int) -> bytes | None:
        """The outcome that was stored for an event, if it is still kept."""
        query = select(outcomes.c.direct).where(outcomes.c.mark == mark, outcomes.c.seq == seq)
        return self._connection.scalar(query)

    def load(self, needs: Sequence[Needs]) -> State:
        """What the batch's rules need, locked."""
        return loading.load(self._connection, loading.merge(needs), self._world)

    def waiting(self, ids: Sequence[str]) -> frozenset[str]:
        """Which of these outbox rows are there, locked."""
        if not ids:
            return frozenset()
        query = select(outbox.c.id).where(outbox.c.id.in_(sorted(ids))).order_by(outbox.c.id).with_for_update()
        return frozenset(self._connection.scalars(query))

    def save(self, put: Sequence[Thing], drop: Sequence[Thing]) -> None:
        """Write what rules changed."""
        saving.put_things(self._connection, put)
        saving.drop_things(self._connection, drop)

    def save_marks(self, changed: Sequence[Mark], kept: Sequence[Stored]) -> None:
        """Write watermarks and outcomes. A mark whose session ended in this very batch stays gone."""
        if changed:
            rows = [{"mark_id": mark.id, "new_seq": mark.seq, "new_stored": mark.stored} for mark in changed]
            self._connection.execute(_MOVE_MARK, rows)
        saving.upsert(self._connection, outcomes, [msgspec.structs.asdict(stored) for stored in kept])

    def add_waiting(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        """Put rows into the outbox."""
        things = [{**msgspec.structs.asdict(row), "created_ms": now_ms, "due_ms": due_ms} for row in rows]
        saving.insert_new(self._connection, outbox, things)

    def postpone_waiting(self, ids: Sequence[str], due_ms: int) -> None:
        """Outbox rows were just sent again."""
        if ids:
            self._connection.execute(update(outbox).where(outbox.c.id.in_(sorted(ids))).values(due_ms=due_ms))

    def take_dead(self, id_: str) -> DeadLetter | None:
        """Remove a dead letter, and give it."""
        query = select(dead_letters).where(dead_letters.c.id == id_).with_for_update()
        row = self._connection.execute(query).first()
        self._connection.execute(delete(dead_letters).where(dead_letters.c.id == id_))
        return DeadLetter(*row) if row else None

    def count_trial(self, id_: str, now_ms: int) -> int:
        """Count a trial of an event."""
        before = self._connection.scalar(select(trials.c.count).where(trials.c.id == id_).with_for_update()) or 0
        saving.upsert(self._connection, trials, [{"id": id_, "count": before + 1, "at_ms": now_ms}])
        return before + 1

    def forget_trials(self, ids: Sequence[str]) -> None:
        """These events came to an end."""
        if ids:
            self._connection.execute(delete(trials).where(trials.c.id.in_(sorted(ids))))

    def add_dead(self, letter: DeadLetter) -> None:
        """Keep an event that was given up."""
        saving.insert_new(self._connection, dead_letters, [msgspec.structs.asdict(letter)])

    def remove_waiting(self, ids: Sequence[str]) -> None:
        """Outbox rows were dealt with."""
        if ids:
            self._connection.execute(delete(outbox).where(outbox.c.id.in_(sorted(ids))))
