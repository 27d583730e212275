"""Writing what rules changed: one or two statements per table and batch, rows in the order of their ids.

Of entities that the transaction holds, only the rows are written that changed, and of these the columns that changed in
any: a step writes one narrow row, and no index. What was looked for and not found is inserted; what nobody looks for
(``declare.entity``, ``blind``) is written whole.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.declare.entity import Entity, Keep, kinds
from gameserver.store.claims import Claims
from gameserver.store.statements import Rows, among, locked
from gameserver.store.tables import by_name, in_order_of_saving, outcomes, tables_of
from gameserver.store.values import check_values

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


@cache
def _hold_of(kind: type[Entity], per: str) -> Any:
    named = by_name(kind)
    return select(named["id"]).where(named[per] == bindparam("of")).order_by(named["id"]).with_for_update()


@cache
def _trim(kind: type[Entity], keep: Keep) -> Any:
    """Remove those of a value of ``per`` that are older than the newest."""
    table, named = tables_of(kind)[0], by_name(kind)
    mine = named[keep.per] == bindparam("of")
    order = select(named["id"]).where(mine).order_by(named[keep.by].desc(), named["id"].desc())
    old = mine & named["id"].not_in(order.limit(keep.newest).scalar_subquery())
    return delete(table).where(locked(table, old))


@cache
def _forget_along(kind: type[Entity], per: str, with_: type[Entity]) -> Any:
    """Remove those of values of ``per`` that no entity of another kind has any more."""
    table, column, others = tables_of(kind)[0], by_name(kind)[per], by_name(with_)[per]
    return delete(table).where(locked(table, among(column, "of") & column.not_in(select(others))))


@cache
def _kept_along(kind: type[Entity]) -> tuple[tuple[type[Entity], Keep], ...]:
    """The entities that are kept as long as one of this kind is there."""
    return tuple((other, keep) for other in kinds() if (keep := other.spec.keep) and keep.along is kind)


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


def put_things(rows: Rows, things: Iterable[Entity], claims: Claims) -> None:
    """Write entities. Raises ``Retryable`` ``conflict`` when one that was looked for in vain is there by now."""
    by_kind: dict[type[Entity], dict[str, Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), {})[thing.id] = thing
    for kind in in_order_of_saving() if len(by_kind) > 1 else by_kind:
        if kind in by_kind:
            put, known = by_kind[kind], claims.held[kind]
            ids = sorted(put)
            here = [id_ for id_ in ids if id_ in known]
            _replace(rows, kind, [known[id_] for id_ in here], [put[id_] for id_ in here])
            others = [put[id_] for id_ in ids if id_ not in known]
            _write_whole(rows, kind, insert, [thing for thing in others if claims.is_made(thing)])
            _write_whole(rows, kind, upsert, [thing for thing in others if not claims.is_made(thing)])
    for kind, put in by_kind.items():
        if (keep := kind.spec.keep) and keep.newest:
            for value in sorted({getattr(thing, keep.per) for thing in put.values()}):
                rows.wait_for(_hold_of(kind, keep.per), of=value)  # or it would not see what others add, and keep more
                rows.run(_trim(kind, keep), of=value)


def _replace(rows: Rows, kind: type[Entity], known: Sequence[Row], things: Sequence[Any]) -> None:
    """Write what differs between rows as they stand in the database and entities as they shall be."""
    before, after = list(zip(*known, strict=True)), list(zip(*map(astuple, things), strict=True))
    fields = kind.__struct_fields__
    changed = [n for n, values in enumerate(after) if values != before[n]]
    for table in tables_of(kind):
        here = [n for n in changed if fields[n] in table.columns]
        if here:
            names = tuple(fields[n] for n in here)
            check_values(table, names, [after[n] for n in here])
            was, now = (list(zip(*(side[n] for n in (*here, 0)), strict=True)) for side in (before, after))
            rows.change(table, names, [row for row, old in zip(now, was, strict=True) if row != old])


def _write_whole(rows: Rows, kind: type[Entity], write: Callable[..., None], things: Sequence[Any]) -> None:
    for table in tables_of(kind):
        write(rows, table, list(map(attrgetter(*table.columns.keys()), things)))


def drop_things(rows: Rows, things: Iterable[Entity]) -> None:
    """Remove entities, and what is kept only along with them: the outcomes of a session, for one."""
    by_kind: dict[type[Entity], list[Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), []).append(thing)
    for kind, gone in by_kind.items():
        for table in tables_of(kind):
            rows.run(_delete(table), ids=sorted(thing.id for thing in gone))
    for kind, gone in by_kind.items():
        for other, keep in _kept_along(kind):
            of = sorted({getattr(thing, keep.per) for thing in gone})
            rows.run(_forget_along(other, keep.per, kind), of=of)
        if kind.spec.session:
            rows.run(_FORGET_OUTCOMES, sessions=sorted(thing.id for thing in gone))
