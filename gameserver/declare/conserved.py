"""What a game conserves: coins, each item by its id, stacks by kind. Only named events may change the amount.

A declaration stands in the ``conserved.py`` of a module (or of the game's own package):

    conserved("coins", total(Purse, "coins"), sources=("sessions.register",))

What another module's entities hold of it, coins in a bank, is added in that module's ``conserved.py``:

    also_conserved("coins", total(Vault, "coins"))

A server only checks that it fits the game. That it is true is proved in tests: ``gameserver.testing.conservation``.
"""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.declare.entity import Entity, kinds
from gameserver.declare.field_conditions import meets
from gameserver.declare.game_package import modules, package, parts
from gameserver.declare.importing import exists, imported
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt

PART = "conserved"


class Units(msgspec.Struct, frozen=True):
    """Entities that hold units of what is conserved: as many as their field ``amount`` says, or one each ("").

    ``by``: the field by which units are told apart; "" where all are alike. ``when``: a condition of the entity; those
    that do not meet it hold nothing.
    """

    kind: type[Entity]
    amount: str
    by: str
    when: str = ""

    def counts(self, thing: Entity) -> bool:
        """Whether an entity of this kind holds any of it."""
        return not self.when or meets(self.kind.spec.conditions[self.when], thing, _no_others)


def _no_others(kind: type) -> Iterable[Any]:
    raise TypeError(f"what an entity holds depends on itself alone, and not on others ({kind.__name__})")


class Conserved(msgspec.Struct, frozen=True, kw_only=True):
    """Something conserved, as it is declared: in which ``module``, and ``at`` which file and line.

    ``more``: whether it adds to what another module declares under this name.
    """

    name: str
    units: tuple[Units, ...]
    sources: tuple[str, ...]
    sinks: tuple[str, ...]
    module: str
    at: str
    more: bool = False

    @property
    def is_single(self) -> bool:
        """Whether there is one unit of each at most."""
        return all(not units.amount for units in self.units)


# Every declaration, in the order of declaring.
DECLARED: list[Conserved] = []


def total(kind: type[Entity], field: str, *, by: str = "") -> Units:
    """Count what a field of all entities of a kind adds up to; ``by``: apart for each value of another field."""
    return Units(kind, field, by)


def each(kind: type[Entity], field: str = "id", *, when: str = "") -> Units:
    """Count each entity as the one unit that its field names: there is never a second one of that name.

    ``when``: a condition of the entity; those that do not meet it are not counted.
    """
    return Units(kind, "", field, when)


def conserved(name: str, *units: Units, sources: tuple[str, ...] = (), sinks: tuple[str, ...] = ()) -> Conserved:
    """Declare something conserved: no event changes how much there is, but for its sources and sinks.

    ``units``: what holds it (``total``, ``each``); it may go from one entity to another. ``sources``: the events that
    may make some of it, as in ("sessions.register",); ``sinks``: those that may destroy some.
    Raises ``Corrupt`` ``bad_declaration`` where the declaration contradicts itself.
    """
    module = sys._getframe(1).f_globals["__name__"]
    made = Conserved(name=name, units=units, sources=sources, sinks=sinks, module=module, at=caller())
    _refuse(made, {"say what holds it: total(...) or each(...)": not made.units})
    return _declared(made)


def also_conserved(name: str, *units: Units, sources: tuple[str, ...] = (), sinks: tuple[str, ...] = ()) -> Conserved:
    """Add to what another module conserves under this name: what else holds it, and its further sources and sinks.

    So the module that made it knows of no bank, market or mail. Raises ``Corrupt`` ``bad_declaration``.
    """
    module = sys._getframe(1).f_globals["__name__"]
    return _declared(
        Conserved(name=name, units=units, sources=sources, sinks=sinks, module=module, at=caller(), more=True)
    )


def _declared(made: Conserved) -> Conserved:
    _refuse(made, _contradictions(made))
    _refuse(made, {fault: True for held in made.units for fault in _faults_of(held)})
    DECLARED.append(made)
    return made


def _contradictions(made: Conserved) -> dict[str, bool]:
    return {
        'it has a name: conserved("coins", ...)': type(made.name) is not str or not made.name,
        "say what holds it: total(...) or each(...)": any(type(u) is not Units for u in made.units),
        "what holds it counts alike: each, or total, or total by a field": len({_way(u) for u in made.units}) > 1,
        'sources and sinks are tuples, as in ("sessions.register",)': not _are_names(made.sources, made.sinks),
    }


def _way(units: Units) -> object:
    return (bool(units.amount), bool(units.by)) if type(units) is Units else None


def _are_names(*given: object) -> bool:
    return all(isinstance(names, tuple) and all(type(name) is str for name in names) for names in given)


def _faults_of(units: Units) -> list[str]:
    """Find what contradicts the entity's declaration."""
    spec = getattr(units.kind, "spec", None)
    if spec is None:
        return [f"{getattr(units.kind, '__name__', units.kind)} is not declared with @entity"]
    wanted = {units.amount: int, units.by: str}
    types = spec.types
    faults = {
        **{f"{spec.name} has no field {name}": name not in types for name in wanted if name},
        **{f"{spec.name}.{n} must be {t.__name__}": types.get(n, t) is not t for n, t in wanted.items() if n},
        f"{spec.name} has no condition {units.when} of its own": bool(units.when) and units.when not in spec.conditions,
        f"rows of {spec.name} go without an event: it is declared with keep": spec.keep is not None,
        f"nobody knows what was in {spec.name} before: it is written blind": bool(spec.blind),
    }
    return [fault for fault, true in faults.items() if true]


def _refuse(made: Conserved, faults: dict[str, bool]) -> None:
    for fault, true in faults.items():
        if true:
            raise Corrupt("bad_declaration", f"{made.at}: conserved {made.name!r}: {fault}.")


@once_per_reading
def quantities() -> tuple[Conserved, ...]:
    """Return all that the game conserves, in the order of its modules.

    Raises ``Corrupt``: ``bad_module``, ``bad_declaration`` where one names an entity or event that the game has not, or
    two have one name.
    """
    places = {f"{module}.{PART}": rank for rank, module in enumerate((*modules(), package()))}
    _import_all()
    found = sorted((made for made in DECLARED if made.module in places), key=lambda made: places[made.module])
    known: dict[str, Conserved] = {}
    for made in (made for made in found if not made.more):
        first = known.setdefault(made.name, made)
        _refuse(made, {f"{first.at} declares it already": first is not made, **_strangers(made)})
    for more in (made for made in found if made.more):
        near = _nearest(more.name, known)
        _refuse(more, {f"no module declares it with conserved(...){near}": more.name not in known, **_strangers(more)})
        known[more.name] = _together(known[more.name], more)
    return tuple(known.values())


def _together(first: Conserved, more: Conserved) -> Conserved:
    """Add what another module says of it."""
    whole = replace(
        first,
        units=first.units + more.units,
        sources=first.sources + more.sources,
        sinks=first.sinks + more.sinks,
    )
    _refuse(more, _contradictions(whole))
    return whole


def _import_all() -> None:
    parts(PART)
    own = f"{package()}.{PART}"
    if exists(own):
        imported(own)


def _strangers(made: Conserved) -> dict[str, bool]:
    """What of the game it names that the game has not."""
    tasks = [spec.task for spec in catalogue.specs()]
    return {
        **{f"{u.kind.__name__} is no entity of this game": u.kind not in kinds() for u in made.units},
        **{f"there is no event {name}{_nearest(name, tasks)}": name not in tasks for name in made.sources + made.sinks},
    }


def _nearest(name: str, tasks: Iterable[str]) -> str:
    near = get_close_matches(name, tasks, 1)
    return f" (is it {near[0]}?)" if near else ""
