"""How things look to players: what each kind of entity with a place adds to a view.

A module whose entities can be seen says so in its ``hooks.py``. Several modules may say something of one kind, each of
its own component. Map objects can be seen too, where the map shows them: that function takes ``(fields, placed)``.

    @looks(Body, Health)
    def shows_health(fields, body, health):
        fields["hp"] = health.hp

    @hides(Body, Health)
    def hides_the_dead(body, health):
        return health.dead_until_ms > 0
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from gameserver.declare.entity import kinds
from gameserver.declare.hooks import hook_files
from gameserver.declare.reading_cache import once_per_reading
from gameserver.errors import Corrupt
from gameserver.game import Box, Entity, MapObject, Placed, State, Zone, beginning
from gameserver.modules.movement.events import Being

Kind = type[Entity]
F = TypeVar("F", bound=Callable[..., Any])


class _Said(msgspec.Struct, frozen=True):
    """What one function says of a kind, from the entity itself or from a component of it."""

    kind: Kind
    function: Callable[..., Any]
    part: Kind
    hides: bool


class _Look(msgspec.Struct, frozen=True):
    """All that the game's modules say of a kind: functions with the part that they read."""

    components: tuple[Kind, ...]
    shows: tuple[tuple[Callable[..., None], Kind], ...]
    hides: tuple[tuple[Callable[..., bool], Kind], ...]


DECLARED: list[_Said] = []
OF_OBJECTS: list[tuple[type[MapObject], Callable[..., Any]]] = []


def looks(kind: Kind | type[MapObject], component: Kind | None = None) -> Callable[[F], F]:
    """Say how entities or map objects of a kind look. The function takes ``(fields, thing)``, puts fields of ``Being``.

    With a ``component`` it takes that as a third argument; it is loaded wherever such things are shown.
    """
    return _say(kind, component or kind, hides=False) if issubclass(kind, Entity) else _say_of_objects(kind)


def hides(kind: Kind, component: Kind | None = None) -> Callable[[F], F]:
    """Say which entities of a kind nobody sees. The function takes ``(thing)``, or ``(thing, component)``."""
    return _say(kind, component or kind, hides=True)


def _say(kind: Kind, part: Kind, *, hides: bool) -> Callable[[F], F]:
    def mark(function: F) -> F:
        DECLARED.append(_Said(kind, function, part, hides))
        return function

    return mark


def _say_of_objects(kind: type[MapObject]) -> Callable[[F], F]:
    def mark(function: F) -> F:
        OF_OBJECTS.append((kind, function))
        return function

    return mark


@once_per_reading
def known_objects() -> dict[type[MapObject], Callable[..., None]]:
    """How map objects look that can be seen, by class."""
    files = hook_files()
    return {kind: function for kind, function in OF_OBJECTS if function.__module__ in files}


def objects_seen(zone: Zone, box: Box) -> list[Being]:
    """How those of a zone's map objects look that can be seen and stand on these tiles."""
    shows = known_objects()
    _, left, top, right, bottom = box
    near = (placed for placed in zone.objects if type(placed.what) in shows) if shows else ()
    return [
        _object(placed, shows[type(placed.what)])
        for placed in near
        if left <= placed.x <= right and top <= placed.y <= bottom
    ]


def _object(placed: Placed, show: Callable[..., None]) -> Being:
    fields: dict[str, Any] = {"id": placed.id, "x": placed.x, "y": placed.y, "hp": 0, "v": 0}
    show(fields, placed)
    return Being(**fields)


@once_per_reading
def known() -> dict[Kind, _Look]:
    """What the game's modules say, by kind, in the order of the entities."""
    ranks = hook_files()
    said = sorted((s for s in DECLARED if s.function.__module__ in ranks), key=lambda s: ranks[s.function.__module__])
    by_kind = {kind: [one for one in said if one.kind is kind] for kind in kinds()}
    return {kind: _look(mine) for kind, mine in by_kind.items() if mine}


def _look(said: list[_Said]) -> _Look:
    return _Look(
        components=tuple(dict.fromkeys(one.part for one in said if one.part is not one.kind)),
        shows=tuple((one.function, one.part) for one in said if not one.hides),
        hides=tuple((one.function, one.part) for one in said if one.hides),
    )


def seen_kinds() -> tuple[Kind, ...]:
    """The kinds of entities that can be seen."""
    return tuple(known())


@once_per_reading
def shown_with(kind: Kind) -> tuple[Kind, ...]:
    """The parts of its record that are read where an entity of this kind is shown, itself left out."""
    return known()[kind].components if kind in known() else ()


@once_per_reading
def seen_parts() -> tuple[Kind, ...]:
    """What is loaded to show all that is seen: each kind, followed by its components."""
    return tuple(part for kind in seen_kinds() for part in (kind, *shown_with(kind)))


def being(state: State, thing: Any) -> Being:
    """Return how something looks to others. Raises ``KeyError`` for what no module shows."""
    kind, things, fields = (
        type(thing),
        state.things,
        {"id": thing.id, "x": thing.x, "y": thing.y, "hp": 0, "v": thing.v},
    )
    for show, part in known()[kind].shows:
        if part is kind:
            show(fields, thing)
        else:
            show(fields, thing, things[part].get(thing.id) or _begun(state, part, thing.id))
    return Being(**fields)


def is_seen(state: State, thing: Any) -> bool:
    """Whether others can see it where it stands."""
    kind, things = type(thing), state.things
    for hide, part in known()[kind].hides:
        if hide(thing) if part is kind else hide(thing, things[part].get(thing.id) or _begun(state, part, thing.id)):
            return False
    return True


def _begun(state: State, part: Kind, id_: str) -> Any:
    """A component of who is new, as it begins. Raises ``Corrupt`` ``not_loaded`` for that of anybody else."""
    owner = part.spec.of
    if owner is None or id_ in state.before.of(owner):
        raise Corrupt("not_loaded", f"{part.__name__} of {id_} shows how it looks: needs must name it (body_parts).")
    return beginning(part, id_)
