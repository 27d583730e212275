"""Reading what rules need: hardly more than one SELECT per table and batch, rows locked in the order of their ids.

Tables are locked in a fixed order too, and all that is written later is locked here or comes after it in that order, so
that no two transactions wait for each other (on PostgreSQL; SQLite has one writer at a time anyway):

entities in the order in which they are declared (``declare.entity.kinds``), components with their owners; then, when it
is saved, rows that are new, in the order of ``tables.in_order_of_saving``; dead_letters, outbox, unread, outcomes,
trials. Of a table all rows are locked at once, in the order of their ids. The sweep and what it prunes pass over what
others hold.

The parts of a record that a batch needs are one SELECT: their tables joined by the id, and locked id by id. A component
whose row is missing is read with the values that it begins with; before it is locked, its row is made
(``_Loader._lock``).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import starmap
from typing import Any, TypeVar, cast

from sqlalchemy import FromClause, Select, bindparam, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_into  # SQLite speaks it just so

from gameserver.declare.entity import Entity, actor_kind, beginning, records, stands_apart
from gameserver.declare.field_conditions import Condition, Field, tests_of
from gameserver.errors import Retryable
from gameserver.maps.objects import World
from gameserver.rules.needs import Box, Count, Listing, Matching, Merged, Near, Wanted
from gameserver.rules.outcome import State, Waiting
from gameserver.store import condition_sql
from gameserver.store.claims import Claims
from gameserver.store.statements import Rows, among
from gameserver.store.tables import (
    UNTOLD_MS,
    by_name,
    columns,
    joined,
    joined_with_owner,
    outbox,
    tables_of,
)

DUE_ROWS_MAX = 500

T = TypeVar("T", bound=Entity)
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
def _rows(parts: Parts, names: Names) -> Select[Any]:
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
def _rows_locked(parts: Parts, names: Names) -> Select[Any]:
    compared = ((kind, name) for kind, field, when in names for name in (field, *sorted(_tested(kind, when))))
    named = tuple(by_name(kind)[name] for kind, name in compared if name != "id")
    return _locked(parts, _there(parts, named).where(_wanted(names, columns(parts[0])[0])))


def _locked(parts: Parts, query: Select[Any]) -> Select[Any]:
    tables = dict.fromkeys(table for part in parts for table in tables_of(part))
    return query.order_by(columns(parts[0])[0]).with_for_update(of=tuple(tables))


@cache
def _completion(part: Kind, names: Names) -> Any:
    """Make the rows of a component that are missing: of owners that are looked for."""
    begun, table = beginning(part, ""), tables_of(part)[0]
    others = [literal(getattr(begun, name)).label(name) for name in part.spec.types if name != "id"]
    source = joined_with_owner(tuple(dict.fromkeys((part, *(kind for kind, _, _ in names)))))
    missing = (
        select(_key((part,)), *others).select_from(source).where(_wanted(names, _key((part,))), table.c.id.is_(None))
    )
    return insert_into(table).from_select([*part.spec.types], missing).on_conflict_do_nothing()


@cache
def _matching(kind: Kind, shape: Condition, most: int) -> Select[Any]:
    found = condition_sql.shaped(shape, by_name(kind), by_name)
    return _locked((kind,), _there((kind,), (_key((kind,)),)).where(found)).limit(most)


@cache
def _within(parts: Parts) -> Select[Any]:
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
def _listing(kind: Kind, by: str, equal: tuple[str, ...], last: bool) -> Select[Any]:
    found, named = _by(kind, (by, *equal))
    found = found.where(*(named[field] == bindparam(f"v{n}") for n, field in enumerate(equal)))
    if last:
        ordered = found.order_by(named[by].desc(), named["id"].desc())
    else:
        ordered = found.where(named[by] > bindparam("after")).order_by(named[by])
    return ordered.limit(bindparam("most"))


def following(kind: Kind, by: str) -> Select[Any]:
    """The first entities of a kind whose field is greater than a value, in its order, not locked."""
    return _listing(kind, by, (), False)


@cache
def _column(kind: Kind, field: str, when: str, first: bool) -> Select[Any]:
    column = by_name(kind)[field]
    found = select(column).select_from(_all_of(kind)).where(*((_declared(kind, when),) if when else ()))
    return found.order_by(column).limit(bindparam("most")) if first else found.distinct()


@cache
def _count(kind: Kind, when: str, field: str) -> Select[Any]:
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


_IS_UNTOLD = outbox.c.due_ms == UNTOLD_MS
_WAITING = select(outbox.c.id, outbox.c.kind, outbox.c.player, outbox.c.body, _IS_UNTOLD)
_MAIL = _WAITING.where(outbox.c.kind == "mail", among(outbox.c.player, "ids")).order_by(
    outbox.c.created_ms, outbox.c.id
)
_MAIL_COUNTS = (
    select(outbox.c.player, func.count(), func.max(outbox.c.due_ms))
    .where(among(outbox.c.player, "ids"))
    .group_by(outbox.c.player)
)
# (With an addition the index of that column is no way to it: there stands all that nobody was told, whoever it is for.)
_UNTOLD = _WAITING.where(among(outbox.c.player, "ids"), outbox.c.due_ms + 0 == UNTOLD_MS).order_by(
    outbox.c.created_ms, outbox.c.id
)
_DUE = _WAITING.where(outbox.c.due_ms <= bindparam("now_ms")).order_by(outbox.c.due_ms).limit(DUE_ROWS_MAX)


def load(rows: Rows, needs: Merged, world: World, claims: Claims) -> State:
    """The state that a batch of rules works on; what of it was locked is added to ``claims``."""
    state = State(world)
    claims.ask(needs)
    loader = _Loader(rows, state, needs, claims)
    loader.lock()
    loader.check_look()
    loader.read()
    return state


class _Loader:
    def __init__(self, rows: Rows, state: State, needs: Merged, claims: Claims) -> None:
        self._rows = rows
        self._state = state
        self._needs = needs
        self._claims = claims
        self._ahead = [near for near in needs.near if near.most]
        self._looked: dict[tuple[Kind, str], tuple[Near, Box]] = {}

    def lock(self) -> None:
        """Lock what is needed, kind by kind."""
        needs = self._needs
        for record in records():
            if self._ahead:
                self.look_ahead(record)
            parts = tuple([kind for kind in record if kind in needs.rows])
            if parts:
                self._lock(parts)
            for matching in needs.matching.values():
                if matching.kind in record:
                    self._match(matching)

    def read(self) -> None:
        """Read what is needed without locks."""
        needs = self._needs
        for record in records() if needs.seen else ():
            parts = tuple(kind for kind in record if kind in needs.seen)
            if parts:
                names, values = _named(parts, needs.seen)
                self._read(parts, _rows(parts, names), **values)
        if needs.near:
            self._surroundings()
        for listing in needs.listings:
            self._state.results[listing] = self._list(listing)
        if needs.columns or needs.counts:
            self._sum_up()
        if needs.mail or needs.mail_counts or needs.due_ms:
            self._mail()

    def _lock(self, parts: Parts) -> None:
        """Lock the parts of records.

        Where fewer are found than were named, the rows of components may be missing: they are made first. By another
        field than the id nobody can tell, and so they are made before.
        """
        names, values = _named(parts, self._needs.rows)
        apart = [part for part in parts if stands_apart(part)]
        named = values["v0"] if len(names) == 1 and names[0][1] == "id" else None
        if apart and named is None:
            self._complete(apart, names, values)
        found = self._rows.all(_rows_locked(parts, names), **values)
        self._hold(parts, found)
        if apart and named is not None and len(found) < len(named):
            missing = sorted({*named} - {row[0] for row in found})
            if self._complete(apart, names, {"v0": missing}):
                self._hold(parts, self._rows.all(_rows_locked(parts, names), v0=missing))

    def _complete(self, apart: Iterable[Kind], names: Names, values: dict[str, Any]) -> bool:
        """Make the rows of components that are missing. Return whether there are any."""
        return sum(self._rows.number_of(_completion(part, names), **values) for part in apart) > 0

    def _hold(self, parts: Parts, rows: Sequence[tuple[Any, ...]]) -> None:
        ids = [row[0] for row in rows]  # an entity's id comes first
        held, things = self._claims.held, self._state.things
        for kind, part in _of_parts(parts, rows):
            held[kind].update(zip(ids, part, strict=True))
            things[kind].update(zip(ids, starmap(kind, part), strict=True))

    def _read(self, parts: Parts, query: Select[Any], **values: Any) -> None:
        for kind, rows in _of_parts(parts, self._rows.all(query, **values)):
            self._claims.only_read[kind].update(row[0] for row in rows)
            self._make(kind, rows)

    def _make(self, kind: Kind, rows: Sequence[tuple[Any, ...]]) -> None:
        self._state.things[kind].update((row[0], kind(*row)) for row in rows)

    def _match(self, matching: Matching) -> None:
        values: list[Any] = []
        shape = condition_sql.shape(matching.condition, values)
        given = {condition_sql.Param(n).name: value for n, value in enumerate(values)}
        found = self._rows.all(_matching(matching.kind, shape, matching.most), **given)
        self._hold((matching.kind,), found)
        for field, kind in matching.bring:
            at = matching.kind.__struct_fields__.index(field)
            self._needs.want(kind, [row[at] for row in found])

    def look_ahead(self, record: Parts) -> None:
        """Find without locks what is near: it is locked with all others of its kind.

        That is done just before the first kind concerned is locked, and once.
        """
        now = [near for near in self._ahead if near.viewer in record or not near.kinds.isdisjoint(record)]
        self._ahead = [near for near in self._ahead if near not in now]
        for near in now:
            for row in self._rows.all(_rows((near.viewer,), ((near.viewer, "id", ""),)), v0=[near.id]):
                viewer = near.viewer(*row)
                box = near.box(viewer)
                self._looked[near.viewer, near.id] = near, box
                self._needs.want(near.viewer, [near.id])
                for parts in near.parts:
                    seen = parts[0]
                    found = [seen(*row) for row in self._rows.all(_within((seen,)), **_as_values(box))]
                    for part in parts:
                        self._needs.want(part, nearest(viewer, found, near.most))

    def check_look(self) -> None:
        """Raises ``Retryable`` ``conflict`` when a viewer was moved between the look and the lock."""
        for (kind, id_), (near, box) in self._looked.items():
            viewer = self._state.get(kind, id_)
            if viewer is None or near.box(viewer) != box:
                raise Retryable("conflict", f"{id_} was moved while it looked around.")

    def _surroundings(self) -> None:
        """All that the viewers see: who looks changes nothing.

        What stands there is found by its zone, and so a zone is looked through once, for all its viewers.
        """
        boxes: defaultdict[tuple[str, tuple[Parts, ...]], list[tuple[int, int, int, int]]] = defaultdict(list)
        for near in self._needs.near:
            viewer = None if near.most else self._state.get(near.viewer, near.id)
            if viewer is not None:
                zone, *box = near.box(viewer)
                boxes[zone, near.parts].append(tuple(box))  # type: ignore[arg-type]
        for (zone, seen), several in boxes.items():
            left, top, right, bottom = zip(*several, strict=True)
            whole = _as_values((zone, min(left), min(top), max(right), max(bottom)))
            for parts in seen:
                self._read(parts, _within(parts), **whole)

    def _list(self, listing: Listing[Any]) -> tuple[Any, ...]:
        values = {f"v{n}": value for n, (_, value) in enumerate(listing.equal)}
        names = tuple(field for field, _ in listing.equal)
        after = {} if listing.last else {"after": listing.after}
        kind: Kind = listing.kind
        query = _listing(kind, listing.by, names, listing.last)
        found = [kind(*row) for row in self._rows.all(query, **values, **after, most=listing.most)]
        return tuple(reversed(found) if listing.last else found)

    def _sum_up(self) -> None:
        for column in self._needs.columns:
            query = _column(column.kind, column.field, column.when, column.most > 0)
            most = {"most": column.most} if column.most else {}
            self._state.results[column] = tuple(self._rows.column(query, **most))
        for (kind, when, field), values in self._needs.counts.items():
            ids = {"ids": sorted(values)} if field else {}
            for value, count in self._rows.all(_count(kind, when, field), **ids):
                self._state.results[Count(kind, when, field, value)] = count

    def _mail(self) -> None:
        mail, counts = sorted(self._needs.mail), sorted(self._needs.mail_counts)
        if mail:
            self._state.mail = dict.fromkeys(mail, ()) | by_player(self._waiting(_MAIL, ids=mail))
        if counts:
            self._count_mail(counts)
        if self._needs.due_ms:
            self._state.due = self._due()

    def _count_mail(self, players: Sequence[str]) -> None:
        """Count what waits for players, and read into which of it more may be merged."""
        found = self._rows.all(_MAIL_COUNTS, ids=players)
        self._state.mail_counts.update((player, count) for player, count, _ in found)
        self._state.untold = dict.fromkeys(players, ())
        with_untold = [player for player, _, latest_ms in found if latest_ms == UNTOLD_MS]
        if with_untold:
            self._state.untold |= by_player(self._waiting(_UNTOLD, ids=with_untold))

    def _waiting(self, query: Select[Any], **values: Any) -> list[Waiting]:
        return [Waiting(*row) for row in self._rows.all(query, **values)]

    def _due(self) -> tuple[Waiting, ...]:
        """Outbox rows that nobody has dealt with in time. The mail of those who are absent is laid aside."""
        due = self._waiting(_DUE, now_ms=self._needs.due_ms)
        receivers = sorted({row.player for row in due if row.player})
        actors = actor_kind()
        if receivers:
            self._read((actors,), _rows((actors,), ((actors, "id", ""),)), v0=receivers)
        here = {actor.id for actor in self._state.of(actors).values() if actor.gateway}
        self._state.laid_aside = tuple(row.id for row in due if row.kind == "mail" and row.player not in here)
        return tuple(row for row in due if row.kind != "mail" or row.player in here)


def _named(parts: Parts, by_kind: dict[Kind, Wanted]) -> tuple[Names, dict[str, Any]]:
    """The fields (and conditions) that parts are looked for by, and the values of each by the name of its placeholder.

    Ids are those of the record, whichever part was named.
    """
    first = parts[0]
    if len(parts) == 1 and len(by_kind[first]) == 1:  # as a rule
        ((field, when), values), *_ = by_kind[first].items()
        return ((first, field, when),), {"v0": sorted(values)}
    wanted: dict[tuple[Kind, str, str], set[Any]] = {}
    for part in parts:
        for (field, when), values in by_kind[part].items():
            known = wanted.setdefault((first if (field, when) == ("id", "") else part, field, when), values)
            if known is not values:
                known.update(values)
    names = tuple(sorted(wanted, key=lambda name: (parts.index(name[0]), name[1:])))
    return names, {f"v{n}": sorted(wanted[name]) for n, name in enumerate(names)}


def by_player(waiting: Iterable[Waiting]) -> dict[str, tuple[Waiting, ...]]:
    """Sort rows of the outbox by their receivers, and leave them in their order."""
    found: defaultdict[str, list[Waiting]] = defaultdict(list)
    for row in waiting:
        found[row.player].append(row)
    return {player: tuple(rows) for player, rows in found.items()}


def _of_parts(parts: Parts, rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Kind, Sequence[tuple[Any, ...]]]]:
    """The rows of each part."""
    if len(parts) == 1:
        yield parts[0], rows
        return
    start = 0
    for kind in parts:
        end = start + len(kind.__struct_fields__)
        yield kind, [row[start:end] for row in rows]
        start = end


def _as_values(box: Box) -> dict[str, Any]:
    return dict(zip(("zone", "left", "top", "right", "bottom"), box, strict=True))


def nearest(viewer: Entity, found: Iterable[Entity], most: int) -> list[str]:
    """The ids of those that are fewest steps away, diagonal steps counting one."""
    x, y = _tile(viewer)

    def distance(thing: Entity) -> int:
        at = _tile(thing)
        return max(abs(at[0] - x), abs(at[1] - y))

    return [thing.id for thing in sorted(found, key=lambda thing: (distance(thing), thing.id))[:most]]


def _tile(thing: Entity) -> tuple[int, int]:
    place = thing.spec.place
    return (getattr(thing, place.x), getattr(thing, place.y)) if place else (0, 0)
