"""Writing what rules changed: one statement per table and batch, rows in the order of their ids."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from gameserver.events import catalogue
from gameserver.events.envelope import lane_key
from gameserver.store.loading import HISTORY_LINES, to_row
from gameserver.store.tables import TABLES, chat_lines, marks, outcomes
from gameserver.world.state import Account, ChatLine, Session, Thing


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose key is there."""
    if rows:
        insert = _insert(connection, table)
        key = [column.name for column in table.primary_key]
        rest = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in key}
        connection.execute(insert.on_conflict_do_update(index_elements=key, set_=rest), list(rows))


def insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, none of which may be there."""
    if rows:
        connection.execute(_insert(connection, table), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; those whose key is there stay as they are."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def put_things(connection: Connection, things: Iterable[Thing]) -> None:
    """Write things; a new session gets a watermark in each lane."""
    by_kind: dict[type[Thing], dict[str, Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), {})[thing.id] = thing
    for kind, table in TABLES.items():
        rows = [to_row(thing) for _, thing in sorted(by_kind.get(kind, {}).items())]
        # A name belongs to whoever came first: the second of two transactions that make it fails, and comes again.
        write = insert if kind is Account else upsert
        write(connection, table, rows)
    _trim_histories(connection, {line.channel for line in by_kind.get(ChatLine, {}).values()})
    insert_new(connection, marks, [row for id_ in by_kind.get(Session, {}) for row in _fresh_marks(id_)])


def _trim_histories(connection: Connection, channels: Iterable[str]) -> None:
    """A channel keeps its last lines only."""
    for channel in sorted(channels):
        mine = chat_lines.c.channel == channel
        newest = select(chat_lines.c.id).where(mine).order_by(chat_lines.c.at_ms.desc(), chat_lines.c.id.desc())
        kept = newest.limit(HISTORY_LINES).scalar_subquery()
        connection.execute(delete(chat_lines).where(mine, chat_lines.c.id.not_in(kept)))


def _fresh_marks(session: str) -> list[dict[str, Any]]:
    lanes = sorted(catalogue.lanes())
    return [{"id": lane_key(session, lane), "session": session, "seq": 0, "stored": 0} for lane in lanes]


def drop_things(connection: Connection, things: Iterable[Thing]) -> None:
    """Remove things; a session's watermarks and outcomes go with it."""
    by_kind: dict[type[Thing], list[str]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), []).append(thing.id)
    for kind, ids in by_kind.items():
        table = TABLES[kind]
        connection.execute(delete(table).where(table.c.id.in_(sorted(ids))))
    over = sorted(by_kind.get(Session, []))
    if over:
        connection.execute(delete(marks).where(marks.c.session.in_(over)))
        connection.execute(delete(outcomes).where(outcomes.c.session.in_(over)))
