"""Reading what rules need: hardly more than one SELECT per table and batch, rows locked in the order of their ids.

Tables are locked in a fixed order too, and all that is written later is locked here or comes after it in that order, so
that no two transactions wait for each other (on PostgreSQL; SQLite has one writer at a time anyway):

entities in the order in which they are declared (``declare.entity.kinds``); then, when it is saved, rows that are new,
in the order of ``tables.in_order_of_saving``; dead_letters, outbox, unread, outcomes, trials. Of a table all rows are
locked at once, in the order of their ids. The sweep and what it prunes pass over what others hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Select, bindparam, func, null, or_, select

from gameserver.declare.conditions import Condition
from gameserver.declare.entity import Entity, actor_kind, kinds
from gameserver.errors import Retryable
from gameserver.maps.world import World
from gameserver.rules.needs import Box, Count, Listing, Matching, Merged, Near, Wanted
from gameserver.rules.outcome import State, Waiting
from gameserver.store import conditions
from gameserver.store.claims import Claims
from gameserver.store.statements import Rows, among
from gameserver.store.tables import UNTOLD_MS, by_name, columns, joined, outbox, tables_of

DUE_ROWS_MAX = 500

T = TypeVar("T", bound=Entity)
Kind = type[Entity]


@cache
def select_all(kind: Kind) -> Select[Any]:
    """All entities of a kind."""
    return select(*columns(kind)).select_from(joined(kind))


def _declared(kind: Kind, name: str) -> Any:
    return conditions.declared(kind.spec.conditions[name], by_name(kind))


@cache
def _rows(kind: Kind, wanted: tuple[tuple[str, str], ...]) -> Select[Any]:
    """The entities that have one of the given values in any of these fields, under its condition."""
    named = by_name(kind)
    found = [
        among(named[field], f"v{n}") & _declared(kind, when) if when else among(named[field], f"v{n}")
        for n, (field, when) in enumerate(wanted)
    ]
    return select_all(kind).where(or_(*found))


@cache
def _rows_locked(kind: Kind, wanted: tuple[tuple[str, str], ...]) -> Select[Any]:
    return _locked(kind, _rows(kind, wanted))


def _locked(kind: Kind, query: Select[Any]) -> Select[Any]:
    return query.order_by(columns(kind)[0]).with_for_update(of=tables_of(kind))


@cache
def _matching(kind: Kind, shape: Condition, most: int) -> Select[Any]:
    found = conditions.shaped(shape, by_name(kind), by_name)
    return _locked(kind, select_all(kind).where(found)).limit(most)


@cache
def _within(kind: Kind) -> Select[Any]:
    """The entities of a kind that stand in a box."""
    place, named = kind.spec.place, by_name(kind)
    if place is None:
        raise TypeError(f"{kind.__name__} has no place")
    here = named[place.x].between(bindparam("left"), bindparam("right"))
    inside = (named[place.zone] == bindparam("zone")) & here
    inside &= named[place.y].between(bindparam("top"), bindparam("bottom"))
    return select_all(kind).where(inside, *((_declared(kind, place.when),) if place.when else ()))


@cache
def portion(kind: Kind) -> Select[Any]:
    """The next entities of a kind by their ids, not locked."""
    key = columns(kind)[0]
    return select_all(kind).where(key > bindparam("after")).order_by(key).limit(bindparam("most"))


@cache
def finding(kind: Kind, fields: tuple[str, ...]) -> Select[Any]:
    """The entities one of whose fields has a value, not locked."""
    named = by_name(kind)
    return select_all(kind).where(or_(*(named[field] == bindparam("value") for field in fields)))


@cache
def _listing(kind: Kind, by: str, equal: tuple[str, ...], last: bool) -> Select[Any]:
    named = by_name(kind)
    found = select_all(kind).where(*(named[field] == bindparam(f"v{n}") for n, field in enumerate(equal)))
    if last:
        ordered = found.order_by(named[by].desc(), named["id"].desc())
    else:
        ordered = found.where(named[by] > bindparam("after")).order_by(named[by])
    return ordered.limit(bindparam("most"))


@cache
def _column(kind: Kind, field: str, when: str, first: bool) -> Select[Any]:
    column = by_name(kind)[field]
    found = select(column).where(*((_declared(kind, when),) if when else ()))
    return found.order_by(column).limit(bindparam("most")) if first else found.distinct()


@cache
def _count(kind: Kind, when: str, field: str) -> Select[Any]:
    """How many there are, by the values of a field; all under the value None where no field is named."""
    only = (_declared(kind, when),) if when else ()
    if not field:
        everyone = select(null().label("of_all"), func.count())
        return cast("Select[Any]", everyone).select_from(tables_of(kind)[0]).where(*only)
    column = by_name(kind)[field]
    return select(column, func.count()).where(among(column, "ids"), *only).group_by(column)


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
_UNTOLD = _WAITING.where(among(outbox.c.player, "ids"), _IS_UNTOLD).order_by(outbox.c.created_ms, outbox.c.id)
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
        for kind in kinds():
            if self._ahead:
                self.look_ahead(kind)
            if kind in self._needs.rows:
                self._lock(kind, self._needs.rows[kind])
            for matching in self._needs.matching:
                if matching.kind is kind:
                    self._match(matching)

    def read(self) -> None:
        """Read what is needed without locks."""
        needs = self._needs
        for kind, wanted in needs.seen.items():
            names, values = _named(wanted)
            self._read(kind, _rows(kind, names), **values)
        if needs.near:
            self._surroundings()
        for listing in needs.listings:
            self._state.results[listing] = self._list(listing)
        if needs.columns or needs.counts:
            self._sum_up()
        if needs.mail or needs.mail_counts or needs.due_ms:
            self._mail()

    def _lock(self, kind: Kind, wanted: Wanted) -> None:
        names, values = _named(wanted)
        self._hold(kind, self._rows.all(_rows_locked(kind, names), **values))

    def _hold(self, kind: type[T], rows: Sequence[tuple[Any, ...]]) -> list[T]:
        self._claims.held[kind].update({row[0]: row for row in rows})  # an entity's id comes first
        return self._make(kind, rows)

    def _read(self, kind: type[T], query: Select[Any], **values: Any) -> None:
        self._claims.only_read[kind].update(thing.id for thing in self._make(kind, self._rows.all(query, **values)))

    def _make(self, kind: type[T], rows: Sequence[tuple[Any, ...]]) -> list[T]:
        things = {row[0]: kind(*row) for row in rows}
        self._state.things[kind].update(things)
        return list(things.values())

    def _match(self, matching: Matching) -> None:
        values: list[Any] = []
        shape = conditions.shape(matching.condition, values)
        given = {conditions.Param(n).name: value for n, value in enumerate(values)}
        found = self._hold(matching.kind, self._rows.all(_matching(matching.kind, shape, matching.most), **given))
        for field, kind in matching.bring:
            self._needs.want(kind, [getattr(thing, field) for thing in found])

    def look_ahead(self, kind: Kind) -> None:
        """Find without locks what is near: it is locked with all others of its kind.

        That is done just before the first kind concerned is locked, and once.
        """
        now = [near for near in self._ahead if kind is near.viewer or kind in near.kinds]
        self._ahead = [near for near in self._ahead if near not in now]
        for near in now:
            for row in self._rows.all(_rows(near.viewer, (("id", ""),)), v0=[near.id]):
                viewer = near.viewer(*row)
                box = near.box(viewer)
                self._looked[near.viewer, near.id] = near, box
                self._needs.want(near.viewer, [near.id])
                for seen in near.kinds:
                    found = [seen(*row) for row in self._rows.all(_within(seen), **_as_values(box))]
                    self._needs.want(seen, nearest(viewer, found, near.most))

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
        boxes: defaultdict[tuple[str, tuple[Kind, ...]], list[tuple[int, int, int, int]]] = defaultdict(list)
        for near in self._needs.near:
            viewer = None if near.most else self._state.get(near.viewer, near.id)
            if viewer is not None:
                zone, *box = near.box(viewer)
                boxes[zone, near.kinds].append(tuple(box))  # type: ignore[arg-type]
        for (zone, seen), several in boxes.items():
            left, top, right, bottom = zip(*several, strict=True)
            whole = _as_values((zone, min(left), min(top), max(right), max(bottom)))
            for kind in seen:
                self._read(kind, _within(kind), **whole)

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
            self._read(actors, _rows(actors, (("id", ""),)), v0=receivers)
        here = {actor.id for actor in self._state.of(actors).values() if actor.gateway}
        self._state.laid_aside = tuple(row.id for row in due if row.kind == "mail" and row.player not in here)
        return tuple(row for row in due if row.kind != "mail" or row.player in here)


def _named(wanted: Wanted) -> tuple[tuple[tuple[str, str], ...], dict[str, Any]]:
    """The fields (and conditions) that are looked for, and the values of each by the name of its placeholder."""
    names = tuple(sorted(wanted)) if len(wanted) > 1 else tuple(wanted)
    return names, {f"v{n}": sorted(wanted[name]) for n, name in enumerate(names)}


def by_player(waiting: Iterable[Waiting]) -> dict[str, tuple[Waiting, ...]]:
    """Sort rows of the outbox by their receivers, and leave them in their order."""
    found: defaultdict[str, list[Waiting]] = defaultdict(list)
    for row in waiting:
        found[row.player].append(row)
    return {player: tuple(rows) for player, rows in found.items()}


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
