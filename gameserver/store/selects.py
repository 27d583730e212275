"""Write the statements that find entities: each is built once for its kinds and fields, and only its values change.

The parts of a record are one SELECT: their tables joined by the id. A component whose row is missing is read with the
values that it begins with; where it must be locked, ``completion`` makes its row first.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from sqlalchemy import FromClause, Select, bindparam, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.declare.entity import Entity, beginning, stands_apart
from gameserver.declare.field_conditions import Condition, Field, tests_of
from gameserver.store import condition_sql
from gameserver.store.statements import among
from gameserver.store.tables import by_name, columns, joined, joined_with_owner, tables_of

Kind = type[Entity]
Parts = tuple[Kind, ...]  # of one record: its owner and components, as many as are needed, in their order
Names = tuple[tuple[Kind, str, str], ...]  # what is looked for: of which kind, by which field, under which condition


@cache
def select_all(kind: Kind) -> Select[Any]:
    """All entities of a kind."""
    return _select((kind,))


@cache
def _select(parts: Parts, firm: Parts = ()) -> Select[Any]:
    """The parts of records, those that are missing as they begin, but for those of ``firm``, which must be there."""
    begun = tuple(part for part in parts if stands_apart(part) and part not in firm)
    if not begun:
        return _there(parts, (*(columns(part)[0] for part in firm), *((_key(parts),) if firm else ())))
    source = joined_with_owner(tuple(dict.fromkeys((*parts, *firm))))
    shown = [column for part in parts for column in (_as_begun(part) if part in begun else columns(part))]
    return select(*shown).select_from(source).where(*(columns(part)[0].is_not(None) for part in firm))


def _there(parts: Parts, named: tuple[Any, ...] = ()) -> Select[Any]:
    """The parts of records all of whose parts are there; other columns of a record are ``named`` to be compared."""
    shown = [column for part in parts for column in columns(part)]
    return select(*shown).select_from(joined(parts, named))


def _as_begun(part: Kind) -> list[Any]:
    """The columns of a component whose row may be missing; its id is its owner's."""
    _, *others = zip(part.spec.types, columns(part), strict=True)
    begun = beginning(part, "")
    return [_key((part,)), *(func.coalesce(column, literal(getattr(begun, name))) for name, column in others)]


def _key(parts: Parts) -> Any:
    """The id of a record's owner."""
    return columns(parts[0].spec.of or parts[0])[0]


def _condition(kind: Kind, name: str) -> Condition:
    return kind.spec.all_conditions[name]


def _declared(kind: Kind, name: str) -> Any:
    return condition_sql.declared(_condition(kind, name), by_name(kind))


def _wanted(names: Names, key: Any) -> Any:
    """The condition that a row has one of the given values in any of these fields, under its condition."""
    found = []
    for n, (kind, field, when) in enumerate(names):
        has = among(key if field == "id" else by_name(kind)[field], f"v{n}")
        found.append(has & _declared(kind, when) if when else has)
    return or_(*found)


@cache
def rows(parts: Parts, names: Names) -> Select[Any]:
    """The parts of the records that have one of the given values in any of these fields, under its condition."""
    firm = tuple(dict.fromkeys(kind for kind, field, when in names if _is_looked_into(kind, (field,), when)))
    return _select(parts, firm).where(_wanted(names, _key(parts)))


def _is_looked_into(kind: Kind, fields: Iterable[str], when: str = "") -> bool:
    """Whether it is looked for by its own fields: a component that is not there yet is not found by them."""
    own = {*kind.spec.types} - {"id"}
    return stands_apart(kind) and not own.isdisjoint({*fields, *_tested(kind, when)})


def _tested(kind: Kind, when: str) -> set[str]:
    tests = list(tests_of(_condition(kind, when))) if when else []
    return {test.field for test in tests} | {test.value.name for test in tests if isinstance(test.value, Field)}


@cache
def rows_locked(parts: Parts, names: Names) -> Select[Any]:
    """The same records, locked id by id, as far as all of their parts are there."""
    compared = ((kind, name) for kind, field, when in names for name in (field, *sorted(_tested(kind, when))))
    named = tuple(by_name(kind)[name] for kind, name in compared if name != "id")
    return _locked(parts, _there(parts, named).where(_wanted(names, columns(parts[0])[0])))


def _locked(parts: Parts, query: Select[Any]) -> Select[Any]:
    tables = dict.fromkeys(table for part in parts for table in tables_of(part))
    return query.order_by(columns(parts[0])[0]).with_for_update(of=tuple(tables))


@cache
def completion(part: Kind, names: Names) -> Any:
    """Make the rows of a component that are missing: of owners that are looked for."""
    begun, table = beginning(part, ""), tables_of(part)[0]
    others = [literal(getattr(begun, name)).label(name) for name in part.spec.types if name != "id"]
    source = joined_with_owner(tuple(dict.fromkeys((part, *(kind for kind, _, _ in names)))))
    missing = (
        select(_key((part,)), *others).select_from(source).where(_wanted(names, _key((part,))), table.c.id.is_(None))
    )
    return insert_into(table).from_select([*part.spec.types], missing).on_conflict_do_nothing()


@cache
def matching(kind: Kind, shape: Condition, most: int) -> Select[Any]:
    """The entities of a kind that meet a condition, locked; its values are given with the statement."""
    found = condition_sql.shaped(shape, by_name(kind), by_name)
    return _locked((kind,), _there((kind,), (_key((kind,)),)).where(found)).limit(most)


@cache
def within(parts: Parts) -> Select[Any]:
    """The parts of the records that stand in a box; the first has the place."""
    kind = parts[0]
    place, named = kind.spec.place, by_name(kind)
    if place is None:
        raise TypeError(f"{kind.__name__} has no place")
    here = named[place.x].between(bindparam("left"), bindparam("right"))
    inside = (named[place.zone] == bindparam("zone")) & here
    inside &= named[place.y].between(bindparam("top"), bindparam("bottom"))
    return _select(parts).where(inside, *((_declared(kind, place.when),) if place.when else ()))


@cache
def portion(kind: Kind) -> Select[Any]:
    """The next entities of a kind by their ids, not locked."""
    key = _key((kind,))
    return select_all(kind).where(key > bindparam("after")).order_by(key).limit(bindparam("most"))


def _by(kind: Kind, fields: Iterable[str]) -> tuple[Select[Any], dict[str, Any]]:
    """The entities of a kind, to be looked for by these fields, and its columns."""
    firm = (kind,) if _is_looked_into(kind, fields) else ()
    return _select((kind,), firm), {**by_name(kind), "id": _key((kind,))}


@cache
def finding(kind: Kind, fields: tuple[str, ...]) -> Select[Any]:
    """The entities one of whose fields has a value, not locked."""
    found, named = _by(kind, fields)
    return found.where(or_(*(named[field] == bindparam("value") for field in fields)))


@cache
def listing(kind: Kind, by: str, equal: tuple[str, ...], last: bool) -> Select[Any]:
    """The first entities after a value of a field, or the last ones, of those whose other fields are ``equal``."""
    found, named = _by(kind, (by, *equal))
    found = found.where(*(named[field] == bindparam(f"v{n}") for n, field in enumerate(equal)))
    if last:
        ordered = found.order_by(named[by].desc(), named["id"].desc())
    else:
        ordered = found.where(named[by] > bindparam("after")).order_by(named[by])
    return ordered.limit(bindparam("most"))


def following(kind: Kind, by: str) -> Select[Any]:
    """The first entities of a kind whose field is greater than a value, in its order, not locked."""
    return listing(kind, by, (), False)


@cache
def column(kind: Kind, field: str, when: str, first: bool) -> Select[Any]:
    """The values of a field: the first ones in their order, or each once."""
    values = by_name(kind)[field]
    found = select(values).select_from(_all_of(kind)).where(*((_declared(kind, when),) if when else ()))
    return found.order_by(values).limit(bindparam("most")) if first else found.distinct()


@cache
def count(kind: Kind, when: str, field: str) -> Select[Any]:
    """How many there are, by the values of a field; all under the value None where no field is named."""
    only = (_declared(kind, when),) if when else ()
    if not field:
        everyone = select(null().label("of_all"), func.count())
        return cast("Select[Any]", everyone).select_from(_all_of(kind)).where(*only)
    column = by_name(kind)[field]
    found = select(column, func.count()).select_from(_all_of(kind))
    return found.where(among(column, "ids"), *only).group_by(column)


def _all_of(kind: Kind) -> FromClause:
    """What is counted: of a component as many as have owners."""
    return joined_with_owner((kind,)) if stands_apart(kind) else tables_of(kind)[0]
