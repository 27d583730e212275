"""How things look to players: what each kind of entity with a place adds to a view.

A module whose entities can be seen says so in its ``hooks.py``. Several modules may say something of one kind, each of
its own component. Map objects can be seen too, where the map shows them: those functions take ``(placed)``.

    @looks(Body, Health)
    def shows_health(body: Body, health: Health) -> BeingHealth:
        return BeingHealth(hp=health.hp)

    @hides(Body, Health)
    def hides_the_dead(body, health):
        return health.dead_until_ms > 0
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec.structs import asdict, astuple

from gameserver.declare.entity import kinds
from gameserver.declare.hooks import hook_files
from gameserver.declare.packet_parts import additions, complete
from gameserver.declare.source_locations import caller, place_of
from gameserver.errors import Corrupt
from gameserver.game import Box, Entity, MapObject, Part, Placed, State, Zone, beginning, once_per_reading
from gameserver.modules.movement.events import Being

Kind = type[Entity]
F = TypeVar("F", bound=Callable[..., Any])


class Called(msgspec.Struct, frozen=True):
    """What something is called, and what it is: ``player``, or a kind of others."""

    name: str
    kind: str


class _Said(msgspec.Struct, frozen=True):
    """What one function says of a kind, from the entity itself or from a component of it."""

    kind: Kind
    function: Callable[..., Any]
    part: Kind
    hides: bool


class _Look(msgspec.Struct, frozen=True):
    """All that the game's modules say of a kind: functions with the part that they read.

    ``made`` makes the packet of all values that were said, in the order of being said: ``_OWN`` first.
    """

    components: tuple[Kind, ...]
    shows: tuple[tuple[Callable[..., Any], Kind], ...]
    hides: tuple[tuple[Callable[..., bool], Kind], ...]
    made: Callable[[tuple[Any, ...]], Being]


_OWN = ("id", "x", "y", "v")


DECLARED: list[_Said] = []
OF_OBJECTS: list[tuple[type[MapObject], Callable[..., Any]]] = []


def looks(kind: Kind | type[MapObject], component: Kind | None = None) -> Callable[[F], F]:
    """Say how entities or map objects of a kind look. The function takes ``(thing)``, and returns what it says.


    That is ``Called``, or a part that a module adds to ``Being``, as its annotation names it. With a ``component`` the
    function takes ``(thing, component)``; that is loaded wherever such things are shown.
    """
    if not issubclass(kind, Entity | MapObject):
        raise Corrupt("bad_declaration", f"{caller()}: @looks is for entities and map objects, not {kind.__name__}.")
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
def known_objects() -> dict[type[MapObject], Callable[[Placed], Being]]:
    """How map objects look that can be seen, by class."""
    files = hook_files()
    said = [(kind, function) for kind, function in OF_OBJECTS if function.__module__ in files]
    return {kind: _look_of_objects([function for of, function in said if of is kind]) for kind, _ in said}


def objects_seen(zone: Zone, box: Box) -> list[Being]:
    """How those of a zone's map objects look that can be seen and stand on these tiles."""
    shows = known_objects()
    _, left, top, right, bottom = box
    near = (placed for placed in zone.objects if type(placed.what) in shows) if shows else ()
    return [
        shows[type(placed.what)](placed) for placed in near if left <= placed.x <= right and top <= placed.y <= bottom
    ]


def _look_of_objects(functions: list[Callable[..., Any]]) -> Callable[[Placed], Being]:
    made = _maker(functions)

    def look(placed: Placed) -> Being:
        said = [value for function in functions for value in astuple(function(placed))]
        return made((placed.id, placed.x, placed.y, 0, *said))

    return look


@once_per_reading
def known() -> dict[Kind, _Look]:
    """What the game's modules say, by kind, in the order of the entities."""
    ranks = hook_files()
    said = sorted((s for s in DECLARED if s.function.__module__ in ranks), key=lambda s: ranks[s.function.__module__])
    by_kind = {kind: [one for one in said if one.kind is kind] for kind in kinds()}
    return {kind: _look(mine) for kind, mine in by_kind.items() if mine}


def _look(said: list[_Said]) -> _Look:
    shows = [one for one in said if not one.hides]
    return _Look(
        components=tuple(dict.fromkeys(one.part for one in said if one.part is not one.kind)),
        shows=tuple((one.function, one.part) for one in shows),
        hides=tuple((one.function, one.part) for one in said if one.hides),
        made=_maker([one.function for one in shows]),
    )


def _maker(functions: Sequence[Callable[..., Any]]) -> Callable[[tuple[Any, ...]], Being]:
    """Make the function that makes a packet of the values that these functions say, behind those of ``_OWN``."""
    being = complete(Being)
    absent = _absent(being)
    names = [*_OWN, *(name for function in functions for name in _names(function)), *absent]
    for name in being.__struct_fields__:
        if name not in names:
            at = ", ".join(place_of(function.__code__) for function in functions)
            raise Corrupt("bad_declaration", f"{at}: nothing says the {name} of what is seen: @looks ... -> Called.")
    in_order = itemgetter(*(names.index(name) for name in being.__struct_fields__))
    unsaid = tuple(absent.values())
    return lambda said: being(*in_order(said + unsaid))


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The fields that a function says."""
    returned = get_type_hints(function).get("return")
    if not (isinstance(returned, type) and issubclass(returned, Called | Part)):
        sentence = f"{function.__name__} must be annotated with what it returns: Called, or a part of Being."
        raise Corrupt("bad_declaration", f"{place_of(function.__code__)}: {sentence}")
    return returned.__struct_fields__


def _absent(being: type[Being]) -> dict[str, Any]:
    """What is told of fields that nobody says of a kind: as their part has it, or their default."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(being) if not field.required}
    return defaults | {k: v for one in additions(Being) if one.absent for k, v in asdict(one.absent).items()}


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
    kind, id_ = type(thing), thing.id
    look = known()[kind]
    said: tuple[Any, ...] = (id_, thing.x, thing.y, thing.v)
    for show, part in look.shows:
        shown = show(thing) if part is kind else show(thing, state.things[part].get(id_) or _begun(state, part, id_))
        said += astuple(shown)
    return look.made(said)


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
