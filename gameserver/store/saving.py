"""Writing what rules changed: one or two statements per table and batch, rows in the order of their ids.

Of things that the transaction holds, only the rows are written that changed, and of these the columns that changed in
any: a step writes one narrow row, and no index. What was looked for and not found is inserted; what nobody looks for
(``claims.BLIND``) is written whole.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.store.claims import Claims
from gameserver.store.loading import HISTORY_LINES
from gameserver.store.statements import Rows, among, locked
from gameserver.store.tables import TABLES, chat_lines, memberships, outcomes
from gameserver.store.values import check_values
from gameserver.world.state import ChatLine, Membership, Session, Thing

Row = tuple[Any, ...]


@cache
def _insert(table: Table) -> Any:
    return insert_into(table).values({column.name: bindparam(column.name) for column in table.columns})


@cache
def _insert_new(table: Table) -> Any:
    return _insert(table).on_conflict_do_nothing()


@cache
def _upsert(table: Table) -> Any:
    statement = _insert(table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest)


@cache
def _delete(table: Table) -> Any:
    return delete(table).where(among(table.c.id, "ids"))


_FORGET_OUTCOMES = delete(outcomes).where(among(outcomes.c.session, "sessions"))
_MINE = chat_lines.c.channel == bindparam("channel")
_NEWEST = select(chat_lines.c.id).where(_MINE).order_by(chat_lines.c.at_ms.desc(), chat_lines.c.id.desc())
_OLD = _MINE & chat_lines.c.id.not_in(_NEWEST.limit(HISTORY_LINES).scalar_subquery())
_TRIM_HISTORY = delete(chat_lines).where(locked(chat_lines, _OLD))
_HOLD_HISTORY = select(chat_lines.c.id).where(_MINE).order_by(chat_lines.c.id).with_for_update()
_LEFT_ALONE = among(chat_lines.c.channel, "channels") & chat_lines.c.channel.not_in(select(memberships.c.channel))
_FORGET_HISTORIES = delete(chat_lines).where(locked(chat_lines, _LEFT_ALONE))


def upsert(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows, or replace those whose key is there. Values stand in the order of the table's columns."""
    _write(rows, table, _upsert(table), values)


def insert(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows, none of which may be there."""
    _write(rows, table, _insert(table), values)


def insert_new(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows; those whose key is there stay as they are."""
    _write(rows, table, _insert_new(table), values)


def _write(rows: Rows, table: Table, statement: Any, values: Sequence[Row]) -> None:
    if values:
        check_values(table, table.columns.keys(), list(zip(*values, strict=True)))
        rows.many(statement, values)


def put_things(rows: Rows, things: Iterable[Thing], claims: Claims) -> None:
    """Write things. Raises ``Retryable`` ``conflict`` when one that was looked for in vain is there by now."""
    by_kind: dict[type[Thing], dict[str, Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), {})[thing.id] = thing
    for kind in TABLES:
        if kind in by_kind:
            put, known = by_kind[kind], claims.held[kind]
            ids = sorted(put)
            here = [id_ for id_ in ids if id_ in known]
            _replace(rows, kind, [known[id_] for id_ in here], [put[id_] for id_ in here])
            others = [put[id_] for id_ in ids if id_ not in known]
            _write_whole(rows, kind, insert, [thing for thing in others if claims.is_made(thing)])
            _write_whole(rows, kind, upsert, [thing for thing in others if not claims.is_made(thing)])
    for channel in sorted({line.channel for line in by_kind.get(ChatLine, {}).values()}):
        rows.wait_for(_HOLD_HISTORY, channel=channel)  # or it would not see what others are saying, and keep too many
        rows.run(_TRIM_HISTORY, channel=channel)


def _replace(rows: Rows, kind: type[Thing], known: Sequence[Row], things: Sequence[Any]) -> None:
    """Write what differs between rows as they stand in the database and things as they shall be."""
    before, after = list(zip(*known, strict=True)), list(zip(*map(astuple, things), strict=True))
    changed = [n for n, values in enumerate(after) if values != before[n]]
    for table in TABLES[kind]:
        here = [n for n in changed if kind.__struct_fields__[n] in table.columns]
        if here:
            names = tuple(kind.__struct_fields__[n] for n in here)
            check_values(table, names, [after[n] for n in here])
            was, now = (list(zip(*(side[n] for n in (*here, 0)), strict=True)) for side in (before, after))
            rows.change(table, names, [row for row, old in zip(now, was, strict=True) if row != old])


def _write_whole(rows: Rows, kind: type[Thing], write: Callable[..., None], things: Sequence[Any]) -> None:
    for table in TABLES[kind]:
        write(rows, table, list(map(attrgetter(*table.columns.keys()), things)))


def drop_things(rows: Rows, things: Iterable[Thing]) -> None:
    """Remove things; a session's outcomes go with it, and the lines of a channel with its last member."""
    by_kind: dict[type[Thing], list[Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), []).append(thing)
    for kind, gone in by_kind.items():
        for table in TABLES[kind]:
            rows.run(_delete(table), ids=sorted(thing.id for thing in gone))
    if Membership in by_kind:
        rows.run(_FORGET_HISTORIES, channels=sorted({thing.channel for thing in by_kind[Membership]}))
    if Session in by_kind:
        rows.run(_FORGET_OUTCOMES, sessions=sorted(thing.id for thing in by_kind[Session]))
