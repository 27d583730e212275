"""Writing what rules changed: one or two statements per table and batch, rows in the order of their ids.

Of rows that the transaction holds, only the columns are written that changed in any of them: a step leaves all indexes
alone. All others are inserted, or replaced as they are.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.events import catalogue
from gameserver.events.envelope import lane_key
from gameserver.store.loading import HISTORY_LINES, Held
from gameserver.store.rows import Rows, among
from gameserver.store.tables import TABLES, chat_lines, marks, outcomes, written
from gameserver.world.state import Account, ChatLine, Session, Thing

Row = tuple[Any, ...]


@cache
def _insert(table: Table) -> Any:
    return insert_into(table).values({column.name: bindparam(column.name) for column in written(table)})


@cache
def _insert_new(table: Table) -> Any:
    return _insert(table).on_conflict_do_nothing()


@cache
def _upsert(table: Table) -> Any:
    statement = _insert(table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in written(table) if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest)


@cache
def _delete(table: Table) -> Any:
    return delete(table).where(among(table.c.id, "ids"))


_OF_SESSIONS = {table: delete(table).where(among(table.c.session, "sessions")) for table in (marks, outcomes)}
_MINE = chat_lines.c.channel == bindparam("channel")
_NEWEST = select(chat_lines.c.id).where(_MINE).order_by(chat_lines.c.at_ms.desc(), chat_lines.c.id.desc())
_TRIM_HISTORY = delete(chat_lines).where(_MINE, chat_lines.c.id.not_in(_NEWEST.limit(HISTORY_LINES).scalar_subquery()))


def upsert(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows, or replace those whose key is there. Values stand in the order of the table's columns."""
    rows.many(_upsert(table), values)


def insert(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows, none of which may be there."""
    rows.many(_insert(table), values)


def insert_new(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows; those whose key is there stay as they are."""
    rows.many(_insert_new(table), values)


def put_things(rows: Rows, things: Iterable[Thing], held: Held) -> None:
    """Write things; a new session gets a watermark in each lane."""
    by_kind: dict[type[Thing], dict[str, Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), {})[thing.id] = thing
    for kind, table in TABLES.items():
        if kind in by_kind:
            values = [astuple(thing) for _, thing in sorted(by_kind[kind].items())]
            known = held[kind]
            _replace(rows, table, [(astuple(known[row[0]]), row) for row in values if row[0] in known])
            # A name belongs to whoever came first: the second of two transactions that make it fails, and comes again.
            write = insert if kind is Account else upsert
            write(rows, table, [row for row in values if row[0] not in known])
    for channel in sorted({line.channel for line in by_kind.get(ChatLine, {}).values()}):
        rows.run(_TRIM_HISTORY, channel=channel)
    insert_new(rows, marks, [mark for id_ in by_kind.get(Session, {}) for mark in _fresh_marks(id_)])


def _replace(rows: Rows, table: Table, changes: Sequence[tuple[Row, Row]]) -> None:
    """Write what differs between rows as they stand in the database and as they shall be."""
    if changes:
        before, after = (list(zip(*side, strict=True)) for side in zip(*changes, strict=True))
        changed = [n for n, column in enumerate(after) if column != before[n]]
        if changed:
            names = tuple(table.columns.keys()[n] for n in changed)
            rows.change(table, names, list(zip(*(after[n] for n in changed), after[0], strict=True)))


def _fresh_marks(session: str) -> list[Row]:
    return [(lane_key(session, lane), session, 0, 0) for lane in sorted(catalogue.lanes())]


def drop_things(rows: Rows, things: Iterable[Thing]) -> None:
    """Remove things; a session's watermarks and outcomes go with it."""
    by_kind: dict[type[Thing], list[str]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), []).append(thing.id)
    for kind, ids in by_kind.items():
        rows.run(_delete(TABLES[kind]), ids=sorted(ids))
    if Session in by_kind:
        for statement in _OF_SESSIONS.values():
            rows.run(statement, sessions=sorted(by_kind[Session]))
