"""Needs: what a rule wants loaded before it runs, as selections of entities.

``ids`` and ``where`` select what may be written: it is locked. With ``look=True`` they only read. ``matching`` locks
what meets a condition, ``near`` selects what an entity sees. ``newest``, ``portion``, ``values``, ``distinct`` and
``count`` read, and ``State`` gives their results by the selection itself. ``mail``, ``mail_count`` and ``due`` are
about the outbox.

Of a record (an entity and its components: ``declare.entity``) the parts that any of a batch's events selects are loaded
together. Selections by id name each part; others name the further parts as ``components``.

Selections are values. Those of a whole batch are merged: one SELECT for each table, its rows locked in the order of
their ids, tables in the order in which entities are declared.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from gameserver.declare.entity import Entity, records, types_beside
from gameserver.declare.field_conditions import Condition, tests_of

T = TypeVar("T", bound=Entity)

# A zone, and the tiles of it: left, top, right, bottom (the last two included).
Box = tuple[str, int, int, int, int]


class Rows(msgspec.Struct, Generic[T], frozen=True):
    """Entities whose field has one of these values (and that meet a condition), locked unless it says otherwise."""

    kind: type[T]
    field: str
    values: tuple[Any, ...]
    when: str = ""
    locked: bool = True
    components: tuple[type[Entity], ...] = ()


class Matching(msgspec.Struct, frozen=True):
    """The first entities that meet a condition, locked; ``bring``: with those whose ids stand in a field of them.

    Several that differ in what they bring are one.
    """

    kind: type[Entity]
    condition: Condition
    most: int
    bring: tuple[tuple[str, type[Entity]], ...] = ()


Parts = tuple[type[Entity], ...]


class Near(msgspec.Struct, frozen=True):
    """What an entity sees: what stands in its box.

    ``parts``: a tuple for each record, the part that has a place first and then those that are loaded with it.
    ``most``: so many of each are locked, the nearest; 0 means that it is only read.
    """

    viewer: type[Entity]
    id: str
    parts: tuple[Parts, ...]
    box: Callable[[Any], Box]
    most: int = 0

    @property
    def kinds(self) -> frozenset[type[Entity]]:
        """Everything that is looked at."""
        return frozenset(kind for parts in self.parts for kind in parts)


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """Entities with these values of fields, in a field's order, read only: the first after a value, or the last."""

    kind: type[T]
    by: str
    equal: tuple[tuple[str, Any], ...]
    most: int
    after: Any = None
    last: bool = False


class Column(msgspec.Struct, frozen=True):
    """The values of a field: the first in order, or all that are distinct (``most`` is 0)."""

    kind: type[Entity]
    field: str
    when: str = ""
    most: int = 0


class Count(msgspec.Struct, frozen=True):
    """How many entities meet a condition, of those with a value of a field (all when ``field`` is "")."""

    kind: type[Entity]
    when: str = ""
    field: str = ""
    value: Any = None


class Mail(msgspec.Struct, frozen=True):
    """The durable notices that wait for somebody."""

    player: str


class MailCount(msgspec.Struct, frozen=True):
    """How many durable notices wait for somebody."""

    player: str


class Due(msgspec.Struct, frozen=True):
    """The outbox rows that are due by now. It makes a transaction a sweep, which tidies up as well."""

    now_ms: int


Need = Rows[Any] | Matching | Near | Listing[Any] | Column | Count | Mail | MailCount | Due
Needs = tuple[Need, ...]


def ids(kind: type[T], /, *values: str, look: bool = False) -> Rows[T]:
    """Select entities by their ids. Raises ``TypeError`` for an id that is no text."""
    _check(kind, "id", values)
    return Rows(kind, "id", values, "", not look)


def where(
    kind: type[T], /, *, when: str = "", look: bool = False, components: tuple[type[Entity], ...] = (), **equal: Any
) -> Rows[T]:
    """Select entities by the value of one field, those that meet one of their declared conditions.

    ``components``: further parts of the same records. What is not found under a condition may be there all the same,
    and is not taken for new; a component that is not there yet is not found by its own fields. Raises ``TypeError``.
    """
    ((field, value),) = equal.items() if len(equal) == 1 else [("", None)]
    _check(kind, field, (value,), when)
    _check_parts((kind, *components))
    return Rows(kind, field, (value,), when, not look, components)


def matching(kind: type[Entity], condition: Condition, most: int, /, **bring: type[Entity]) -> Matching:
    """Select the first entities by id that meet a condition, and lock them.

    ``bring``: fields that hold ids, and of what kind, which are locked with them. Raises ``TypeError``.
    """
    for tested in tests_of(condition):
        _check(kind, tested.field, ())
    late = _rank(kind)
    for field, brought in bring.items():
        _check(kind, field, ())
        if _rank(brought) <= late:
            raise TypeError(
                f"{brought.__name__} is locked before {kind.__name__}: entities are in the order of locking"
            )
    return Matching(kind, condition, most, tuple(bring.items()))


def near(
    viewer: type[Entity], id_: str, see: tuple[type[Entity], ...], box: Callable[[Any], Box], *, lock_most: int = 0
) -> Near:
    """Select what stands in the box of an entity: read only, or (``lock_most``) the nearest, locked.

    ``see``: kinds that were declared with a place, each followed by the other parts of its records that are wanted. The
    box is that of the entity as it is loaded; one whose box changes between the look and the lock is tried again.
    Raises ``TypeError``.
    """
    _check(viewer, "id", (id_,))
    for kind in see:
        _check(kind, "id", ())
    return Near(viewer, id_, _parts_with_places(see), box, lock_most)


@cache
def _parts_with_places(see: Parts) -> tuple[Parts, ...]:
    found: list[Parts] = []
    for kind in see:
        if kind.spec.place is not None:
            found.append((kind,))
        elif found and _owner(kind) is _owner(found[-1][0]):
            found[-1] = (*found[-1], kind)
        else:
            raise TypeError(f"{kind.__name__} has no place: @entity(place=Place(...))")
    return tuple(found)


def _owner(kind: type[Entity]) -> type[Entity]:
    return kind.spec.of or kind


def _rank(kind: type[Entity]) -> int:
    """Where in the order of locking a kind's record stands."""
    return next((n for n, record in enumerate(records()) if kind in record), -1)


def newest(kind: type[T], most: int, by: str, /, **equal: Any) -> Listing[T]:
    """Select the last entities by a field, and then their id; ``State.found`` gives the oldest of them first."""
    _check(kind, by, ())
    for field, value in equal.items():
        _check(kind, field, (value,))
    return Listing(kind, by, tuple(equal.items()), most, None, True)


def portion(kind: type[T], most: int, by: str = "id", after: Any = "", /, **equal: Any) -> Listing[T]:
    """Select the first entities whose field is greater than ``after``, in its order."""
    _check(kind, by, (after,))
    for field, value in equal.items():
        _check(kind, field, (value,))
    return Listing(kind, by, tuple(equal.items()), most, after)


def values(kind: type[Entity], field: str, most: int, *, when: str = "") -> Column:
    """Select the first values of a field, in order."""
    _check(kind, field, (), when)
    return Column(kind, field, when, most)


def distinct(kind: type[Entity], field: str, *, when: str = "") -> Column:
    """Select the different values of a field."""
    _check(kind, field, (), when)
    return Column(kind, field, when)


def count(kind: type[Entity], /, *, when: str = "", **equal: Any) -> Count:
    """Count entities, those with one value of one field or all. Raises ``TypeError``."""
    if not equal:
        _check(kind, "id", (), when)
        return Count(kind, when)
    ((field, value),) = equal.items() if len(equal) == 1 else [("", None)]
    _check(kind, field, (value,), when)
    return Count(kind, when, field, value)


def mail(player: str) -> Mail:
    """Select the durable notices that wait for a player."""
    return Mail(_text(player))


def mail_count(player: str) -> MailCount:
    """Count the durable notices that wait for a player."""
    return MailCount(_text(player))


def due(now_ms: int) -> Due:
    """Select what of the outbox is due."""
    return Due(now_ms)


def checked(needs: Any) -> Needs:
    """The needs themselves. Raises ``TypeError`` for what is no tuple of selections."""
    if type(needs) is not tuple or not _KINDS_OF_NEEDS.issuperset(map(type, needs)):
        raise TypeError(f"needs are a tuple of selections, not {needs!r:.200}")
    found: Needs = needs
    return found


def _check(kind: type[Entity], field: str, compared: tuple[Any, ...], when: str = "") -> None:
    spec = getattr(kind, "spec", None)
    if spec is None:
        raise TypeError(f"{kind!r} is not declared with @entity")
    types = types_beside(kind) if spec.of else spec.types
    if field not in types:
        raise TypeError(f"{spec.name} is selected by one field of its own, not by {field!r}")
    if when and when not in spec.all_conditions:
        raise TypeError(f"{spec.name} has no condition {when!r}: @entity(conditions=...)")
    for value in compared:
        if type(value) is not types[field]:
            raise TypeError(f"{spec.name}.{field} is {types[field].__name__}, not {type(value).__name__}")


def _check_parts(parts: Parts) -> None:
    for part in parts[1:]:
        _check(part, "id", ())
        if _owner(part) is not _owner(parts[0]):
            raise TypeError(f"{part.__name__} is no component of the record of {parts[0].__name__}")


def _text(player: Any) -> str:
    if type(player) is not str:
        raise TypeError(f"a player's id is str, not {type(player).__name__}")
    return player


# What rows of a kind are wanted: the values by the field that they are looked for in and the condition that they meet.
Wanted = dict[tuple[str, str], set[Any]]


class Merged:
    """What a batch needs: everything that any of its events does, each once.

    ``rows``: by kind, what is locked; ``seen``: what is only read. ``counts``: the values by kind, condition and field.
    """

    __slots__ = ("columns", "counts", "due_ms", "listings", "mail", "mail_counts", "matching", "near", "rows", "seen")

    def __init__(self) -> None:
        self.rows: dict[type[Entity], Wanted] = {}
        self.seen: dict[type[Entity], Wanted] = {}
        self.matching: dict[tuple[type[Entity], Condition, int], Matching] = {}
        self.near: dict[Near, None] = {}
        self.listings: dict[Listing[Any], None] = {}
        self.columns: dict[Column, None] = {}
        self.counts: dict[tuple[type[Entity], str, str], set[Any]] = {}
        self.mail: set[str] = set()
        self.mail_counts: set[str] = set()
        self.due_ms = 0

    def want(self, kind: type[Entity], ids: Iterable[str]) -> None:
        """Lock these too. Of each kind all is locked at once, in the order of the ids."""
        self.rows.setdefault(kind, {}).setdefault(("id", ""), set()).update(ids)


def merge(needs: Iterable[Needs]) -> Merged:
    """Bring the needs of a batch's events together."""
    merged = Merged()
    for need in (need for of_one in needs for need in of_one):
        _MERGE[type(need)](merged, need)
    return merged


def _merge_rows(merged: Merged, need: Rows[Any]) -> None:
    side = merged.rows if need.locked and not need.kind.spec.blind else merged.seen
    if need.values:
        side.setdefault(need.kind, {}).setdefault((need.field, need.when), set()).update(need.values)
        for part in need.components:
            side.setdefault(part, {})


def _merge_matching(merged: Merged, need: Matching) -> None:
    known = merged.matching.setdefault((need.kind, need.condition, need.most), need)
    if known is not need:
        bring = tuple(dict.fromkeys((*known.bring, *need.bring)))
        merged.matching[need.kind, need.condition, need.most] = Matching(need.kind, need.condition, need.most, bring)


def _merge_count(merged: Merged, need: Count) -> None:
    merged.counts.setdefault((need.kind, need.when, need.field), set()).add(need.value)


def _merge_due(merged: Merged, need: Due) -> None:
    merged.due_ms = max(merged.due_ms, need.now_ms)


_MERGE: dict[type, Callable[[Merged, Any], None]] = {
    Rows: _merge_rows,
    Matching: _merge_matching,
    Near: lambda merged, need: merged.near.setdefault(need),
    Listing: lambda merged, need: merged.listings.setdefault(need),
    Column: lambda merged, need: merged.columns.setdefault(need),
    Count: _merge_count,
    Mail: lambda merged, need: merged.mail.add(need.player),
    MailCount: lambda merged, need: merged.mail_counts.add(need.player),
    Due: _merge_due,
}
_KINDS_OF_NEEDS = frozenset(_MERGE)


def covers(merged: Merged, thing: Any) -> bool:
    """Whether a selection that locks went by a field of this entity, so that it is locked or there was none."""
    wanted = merged.rows.get(type(thing), {})
    return any(not when and getattr(thing, field) in found for (field, when), found in wanted.items())
