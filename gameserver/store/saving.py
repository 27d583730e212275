"""Writing what rules changed: one or two statements per table and batch, rows in the order of their ids.

Of entities that the transaction holds, only the rows are written that changed, and of these the columns that changed in
any: a step writes one narrow row, and no index. What was looked for and not found is inserted; what nobody looks for
(``declare.entity``, ``blind``) is written whole. What stands in the same rows is written in one statement, and who is
new is made whole: with those components that nobody has put.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec.structs import astuple
from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.declare.entity import Entity, Keep, beginning, kinds, record, stands_apart
from gameserver.errors import Corrupt
from gameserver.store.locked_rows import Claims, Held
from gameserver.store.statements import Rows, among, lists_of, locked
from gameserver.store.tables import TOLD_BY_KEY, by_name, in_order_of_saving, outcomes, tables_of
from gameserver.store.value_checks import check_values

Row = tuple[Any, ...]
Kind = type[Entity]
Parts = tuple[Kind, ...]
Put = dict[Kind, dict[str, Any]]  # what is to be written, by kind and id


class _Writing(NamedTuple):
    """A statement that writes one row, and one that writes lists of values."""

    each: Any
    whole: Any


@cache
def _insert(table: Table) -> _Writing:
    names = table.columns.keys()
    new = lists_of(table, names)
    return _Writing(
        insert_into(table).values({name: bindparam(name) for name in names}),
        insert_into(table).from_select(names, select(*(new.c[name] for name in names))),
    )


@cache
def _insert_new(table: Table) -> _Writing:
    return _Writing(*(statement.on_conflict_do_nothing() for statement in _insert(table)))


@cache
def _upsert(table: Table) -> _Writing:
    return _Writing(*(_or_replace(table, statement) for statement in _insert(table)))


def _or_replace(table: Table, statement: Any) -> Any:
    """Replace all that the key does not tell. SQLite writes an index anew whenever one of its columns is named."""
    key = [column.name for column in table.primary_key]
    told = {*key, *(column.name for column in table.columns if column.info.get(TOLD_BY_KEY))}
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in told}
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
    """Insert rows, or replace those whose key is there. Values stand in the order of the table's columns.

    Of two rows with one key the later counts.
    """
    key = itemgetter(*(table.columns.keys().index(column.name) for column in table.primary_key))
    _write(rows, table, _upsert(table), list({key(row): row for row in values}.values()))


def insert(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows, none of which may be there."""
    _write(rows, table, _insert(table), values)


def insert_new(rows: Rows, table: Table, values: Sequence[Row]) -> None:
    """Insert rows; those whose key is there stay as they are."""
    _write(rows, table, _insert_new(table), values)


def _write(rows: Rows, table: Table, writing: _Writing, values: Sequence[Row]) -> None:
    if values:
        names = table.columns.keys()
        check_values(table, names, list(zip(*values, strict=True)))
        rows.add(*writing, names, values)


def put_things(rows: Rows, things: Iterable[Entity], claims: Claims) -> None:
    """Write entities. Raises ``Retryable`` ``conflict`` when one that was looked for in vain is there by now."""
    put: Put = {}
    for thing in things:
        put.setdefault(type(thing), {})[thing.id] = thing
    for together in in_order_of_saving():
        mine = {kind: put[kind] for kind in together if kind in put}
        if mine:
            _put_rows(rows, together, mine, claims, put)
    for kind, of_kind in put.items():
        if (keep := kind.spec.keep) and keep.newest:
            for value in sorted({getattr(thing, keep.per) for thing in of_kind.values()}):
                rows.wait_for(_hold_of(kind, keep.per), of=value)  # or it would not see what others add, and keep more
                rows.run(_trim(kind, keep), of=value)


def _put_rows(rows: Rows, together: Parts, mine: Put, claims: Claims, put: Put) -> None:
    """Write the rows that some entities share: those that are new whole, of the others what changed."""
    first = together[0]
    known = claims.held[first]
    new = [id_ for id_ in sorted(mine[first]) if id_ not in known] if first in mine else []
    _change_rows(rows, mine, new, claims.held)
    if new:
        whole = [tuple(_part(mine, kind, id_) for kind in together) for id_ in new]
        _write_whole(rows, insert, [row for row in whole if claims.is_made(row[0])])
        _write_whole(rows, upsert, [row for row in whole if not claims.is_made(row[0])])
        for component in filter(stands_apart, record(first)):
            begun = [(beginning(component, id_),) for id_ in new if id_ not in put.get(component, ())]
            _write_whole(rows, insert_new, begun)


def _part(mine: Put, kind: Kind, id_: str) -> Entity:
    """What stands in a new row beside its owner. Raises ``Corrupt`` ``not_whole`` where nobody has put it."""
    found: Entity | None = mine.get(kind, {}).get(id_)
    try:
        return found or beginning(kind, id_)
    except TypeError as error:
        raise Corrupt("not_whole", f"{id_} is new and lacks its {kind.__name__}, which stands in its row.") from error


def _change_rows(rows: Rows, mine: Put, new: Sequence[str], held: Held) -> None:
    """Write what changed: of all that the rows hold at once, where all of it was loaded."""
    ids = sorted({id_ for things in mine.values() for id_ in things}.difference(new))
    others = {id_ for kind in mine for id_ in ids if id_ not in held[kind]}
    loaded = [id_ for id_ in ids if id_ not in others] if others else ids
    _replace(rows, mine, loaded, held)
    for kind in mine if others else ():
        _replace(rows, {kind: mine[kind]}, [id_ for id_ in sorted(others) if id_ in mine[kind]], held)


def _replace(rows: Rows, mine: Put, ids: Sequence[str], held: Held) -> None:
    """Write what differs between rows as they stand in the database and entities as they shall be."""
    if not ids:
        return
    fields: list[str] = []
    before: list[Row] = []
    after: list[Row] = []
    for kind, put in mine.items():
        known = held[kind]
        was = [known[id_] for id_ in ids]
        now = [astuple(put[id_]) if id_ in put else known[id_] for id_ in ids]
        fields += kind.__struct_fields__[1:]  # without the id
        before += list(zip(*was, strict=True))[1:]
        after += list(zip(*now, strict=True))[1:]
    changed = [n for n, values in enumerate(after) if values != before[n]]
    for table in dict.fromkeys(table for kind in mine for table in tables_of(kind)) if changed else ():
        here = [n for n in changed if fields[n] in table.columns]
        if here:
            names = tuple(fields[n] for n in here)
            check_values(table, names, [after[n] for n in here])
            old, new = (list(zip(*(side[n] for n in here), ids, strict=True)) for side in (before, after))
            rows.change(table, names, [row for row, was in zip(new, old, strict=True) if row != was])


def _write_whole(rows: Rows, write: Callable[..., None], whole: Sequence[tuple[Entity, ...]]) -> None:
    """Write rows. ``whole``: for each the entities that stand in it."""
    kinds_in_row = [type(thing) for thing in whole[0]] if whole else []
    for table in tables_of(kinds_in_row[0]) if whole else ():
        homes = [_home(kinds_in_row, column.name) for column in table.columns]
        write(rows, table, [tuple(getattr(row[n], name) for n, name in homes) for row in whole])


def _home(kinds_in_row: Sequence[Kind], column: str) -> tuple[int, str]:
    """Which of the entities in a row has a column's field."""
    return next((n, column) for n, kind in enumerate(kinds_in_row) if column in kind.spec.types)


def drop_things(rows: Rows, things: Iterable[Entity]) -> None:
    """Remove entities, and what is kept only along with them: the outcomes of a session, for one."""
    by_kind: dict[type[Entity], list[Any]] = {}
    for thing in things:
        by_kind.setdefault(type(thing), []).append(thing)
    for kind, gone in by_kind.items():
        for table in _tables_with(kind):
            rows.run(_delete(table), ids=sorted(thing.id for thing in gone))
    for kind, gone in by_kind.items():
        for other, keep in _kept_along(kind):
            of = sorted({getattr(thing, keep.per) for thing in gone})
            rows.run(_forget_along(other, keep.per, kind), of=of)
        if kind.spec.session:
            rows.run(_FORGET_OUTCOMES, sessions=sorted(thing.id for thing in gone))


@cache
def _tables_with(kind: Kind) -> tuple[Table, ...]:
    """The tables from which an entity goes: its own and those of its components.

    Raises ``Corrupt`` ``not_whole`` for what goes only with its owner.
    """
    if kind.spec.within:
        raise Corrupt("not_whole", f"{kind.__name__} stands in its owner's row, and goes with it.")
    components = () if kind.spec.of else filter(stands_apart, record(kind))
    return tuple(table for part in (kind, *components) for table in tables_of(part))
