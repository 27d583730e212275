"""Objects that the game's modules put on its maps, and what maps say of themselves.

A module declares them in its part ``maps``. A subclass of ``MapObject`` is a class of objects in Tiled, its fields are
the object's custom properties; the fields of a subclass of ``MapProperties`` are custom properties of the map. The map
loader reads and checks them, and knows none by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import ClassVar, TypeVar

import msgspec

from gameserver.declare.game_package import parts
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.packet_checks import unreadable
from gameserver.declare.signatures import takes
from gameserver.declare.source_locations import caller, place_of_class
from gameserver.errors import Corrupt

Tile = tuple[int, int]

ENGINES_PROPERTIES = ("title", "start", "template")  # what every map says of itself (``gameserver.maps.world``)
INSTANCE = "#"  # between a template's name and an instance's number
INSTANCES_REMEMBERED = 512  # maps of instances that a process keeps: made anew when they are asked for again


# Every class of objects that was made: a file that makes two of one name keeps the last one only.
_MADE: "list[type[MapObject]]" = []


class Marker(msgspec.Struct, frozen=True):
    """What clients' maps show of an object. ``title``: for people; ``name``: what events call it, "" for its id."""

    title: str
    name: str = ""


class MapObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a module lets mappers draw. ``label``: its class in Tiled, the class's name in small letters.

    ``colour``: of its mark in pictures of the map, as SVG names it. ``built_in_play``: whether game masters may place
    and remove it while players play; not where something is kept in it.
    """

    label: ClassVar[str] = ""
    colour: ClassVar[str] = "darkviolet"
    built_in_play: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _MADE.append(cls)

    def called(self) -> str:
        """The middle of its id, between the zone's name and the object's number."""
        return label_of(type(self))

    def around(self) -> int:
        """How many tiles around its own belong to it as well: ``Zone.on`` finds it on each of them."""
        return 0

    def marker(self) -> Marker | None:
        """Return what clients' maps show of it; ``None`` where they show nothing."""
        return None

    def caption(self) -> str:
        """Say what pictures of the map write beside its mark, the title of its marker if it has one; "" for nothing."""
        marker = self.marker()
        return marker.title if marker else self.called().replace("_", " ")

    def leads_to(self) -> tuple[str, Tile | None] | None:
        """Say to which map, and where on it (None: anywhere), one comes from it, for the picture of how maps join."""
        return None

    def problem(self) -> str:
        """Say what is wrong with it beyond its fields' types, as the end of a sentence; "" where nothing is.

        The loader reports it with the file and the object: ``is of unknown kind 'spoon'``.
        """
        return ""

    def problem_at(self, world: "World", zone: "Zone", at: Tile) -> str:
        """Say what is wrong with the tile on which it stands, or with where it leads; "" where nothing is.

        It is asked once all maps are read, and reported with the file, its id and the tile: ``stands on a portal``.
        """
        return ""


class MapProperties(msgspec.Struct, frozen=True):
    """Base of what a module lets a map say of itself. Each field has a default."""


class Placed(msgspec.Struct, frozen=True):
    """An object on a map. ``id`` is unique in the world ("meadow.chest.7") and stays; ``what``: its properties."""

    id: str
    x: int
    y: int
    what: MapObject

    @property
    def kind(self) -> str:
        """Its class, as it is called in Tiled."""
        return label_of(type(self.what))


O = TypeVar("O", bound=MapObject)  # noqa: E741
P = TypeVar("P", bound=MapProperties)


class Zone(msgspec.Struct, frozen=True, dict=True):
    """One map; sides and positions in tiles, (0, 0) at the top left, y growing downwards."""

    name: str
    title: str
    width: int
    height: int
    walls: frozenset[Tile] = frozenset()
    objects: tuple[Placed, ...] = ()
    properties: tuple[MapProperties, ...] = ()

    def placed(self, kind: type[O]) -> list[tuple[Placed, O]]:
        """The objects of a class that a module declares, each with its properties, in the order of Tiled's ids."""
        return [(placed, placed.what) for placed in self.objects if isinstance(placed.what, kind)]

    def on(self, kind: type[O], x: int, y: int) -> O | None:
        """The object of a class that stands on a tile, the first if there are several."""
        here = self._by_tile.get((x, y))
        return next((what for what in here if isinstance(what, kind)), None) if here else None

    def described(self, kind: type[P]) -> P:
        """What the map says of itself, as far as a module declares it."""
        return next((said for said in self.properties if isinstance(said, kind)), None) or kind()

    def walkable(self, x: int, y: int) -> bool:
        """Whether one can stand on the tile: on the map, and no wall."""
        return 0 <= x < self.width and 0 <= y < self.height and (x, y) not in self.walls

    @cached_property
    def _by_tile(self) -> dict[Tile, list[MapObject]]:
        found: dict[Tile, list[MapObject]] = {}
        for placed in self.objects:
            for tile in _tiles(placed):
                found.setdefault(tile, []).append(placed.what)
        return found


def _tiles(placed: Placed) -> Iterator[Tile]:
    """The tiles that belong to an object, its own first."""
    reach = range(-placed.what.around(), placed.what.around() + 1)
    yield placed.x, placed.y
    yield from ((placed.x + dx, placed.y + dy) for dx in reach for dy in reach if dx or dy)


class World(msgspec.Struct, frozen=True, dict=True):
    """All zones by name; ``start`` names the one in which new players begin.

    ``templates``: maps that are no zones themselves. Any number of zones may have the map of one, each under a name of
    its own (``instance_name``): an instance.
    """

    zones: dict[str, Zone]
    start: str
    templates: dict[str, Zone] = {}

    @property
    def drawn(self) -> dict[str, Zone]:
        """Every map, templates too."""
        return self.zones | self.templates

    def zone(self, name: str) -> Zone | None:
        """A zone by its name, that of an instance too; ``None`` where there is no such map.

        Whether anybody opened an instance of this name is not known here.
        """
        return self.zones.get(name) or self._instances.get(name) or self._instance(name)

    def _instance(self, name: str) -> Zone | None:
        template = self.templates.get(template_of(name))
        if template is None:
            return None
        if len(self._instances) >= INSTANCES_REMEMBERED:
            self._instances.clear()
        found = self._instances[name] = _under_another_name(template, name)
        return found

    @cached_property
    def _instances(self) -> dict[str, Zone]:
        return {}


def instance_name(template: str, number: int) -> str:
    """The name of the zone that is an instance of a template: "dungeon#17"."""
    return f"{template}{INSTANCE}{number}"


def template_of(name: str) -> str:
    """The name of the template that an instance's zone has its map from, "" for a zone that is no instance."""
    return name.partition(INSTANCE)[0] if INSTANCE in name else ""


def _under_another_name(zone: Zone, name: str) -> Zone:
    """The same map as another zone: what stands on it has ids of its own."""
    objects = (msgspec.structs.replace(one, id=name + one.id.removeprefix(zone.name)) for one in zone.objects)
    return msgspec.structs.replace(zone, name=name, objects=tuple(objects))


Check = Callable[[World], Iterator[tuple[str, str]]]
C = TypeVar("C", bound=Check)
_CHECKS: list[Check] = []


def checks_world(function: C) -> C:
    """Have a function check a world that was read. It yields what is wrong: a zone's name ("" for all), a sentence.

    Raises ``Corrupt`` ``bad_declaration`` for one that takes anything but the world.
    """
    if not takes(function, ("world",)):
        raise Corrupt("bad_declaration", f"{caller()}: {function.__name__}: the function takes (world).")
    _CHECKS.append(function)
    return function


@once_per_reading
def world_checks() -> tuple[Check, ...]:
    """The checks that the game's modules declare, in the game's order of modules."""
    order = [module.__name__ for module in parts("maps")]
    return tuple(sorted((c for c in _CHECKS if c.__module__ in order), key=lambda c: order.index(c.__module__)))


def label_of(cls: type[MapObject]) -> str:
    """A class of objects as it is called in Tiled."""
    return cls.label or cls.__name__.lower()


@once_per_reading
def object_classes() -> Mapping[str, type[MapObject]]:
    """The classes of objects that the game's modules declare, by their names in Tiled.

    Raises ``Corrupt`` ``bad_declaration`` where two have one name.
    """
    found: dict[str, type[MapObject]] = {}
    files = {module.__name__ for module in parts("maps")}
    for cls in dict.fromkeys((*_declared(MapObject), *(made for made in _MADE if made.__module__ in files))):
        _refuse_unreadable(cls)
        first = found.setdefault(label_of(cls), cls)
        if first is not cls:
            raise Corrupt(
                "bad_declaration",
                f"Two classes of map objects have the name {label_of(cls)}: {place_of_class(first)} and "
                f"{place_of_class(cls)}; rename one.",
            )
    return found


@once_per_reading
def property_classes() -> tuple[type[MapProperties], ...]:
    """What the game's modules let maps say of themselves.

    Raises ``Corrupt`` ``bad_declaration`` where two have one field, or a field has no default.
    """
    known: dict[str, type[MapProperties]] = {}
    for cls in _declared(MapProperties):
        _refuse_unreadable(cls)
        for field in msgspec.structs.fields(cls):
            first = known.setdefault(field.name, cls)
            own = field.name in ENGINES_PROPERTIES
            fault = "needs a default" if field.required else f"is one of {place_of_class(first)} too"
            fault = "is one that every map has" if own else fault
            if own or field.required or first is not cls:
                raise Corrupt("bad_declaration", f"{place_of_class(cls)}: the property {field.name} {fault}.")
    return tuple(_declared(MapProperties))


def _refuse_unreadable(cls: type[msgspec.Struct]) -> None:
    if fault := unreadable(cls):
        raise Corrupt("bad_declaration", f"{place_of_class(cls)}: {cls.__name__}: {fault}.")


D = TypeVar("D")


def _declared(base: type[D]) -> list[type[D]]:
    """The subclasses that stand in the modules' part ``maps``."""
    values = ((module, value) for module in parts("maps") for value in vars(module).values())
    return [v for m, v in values if isinstance(v, type) and issubclass(v, base) and v.__module__ == m.__name__]
