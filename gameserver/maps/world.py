"""Loads the world that mappers draw in Tiled: zones, their walls, spawns, portals and creatures.

Each map is first read alone into a ``Zone``, then the zones are checked against each other. A world that loads is
sound: whoever uses it never asks again whether a portal leads somewhere or a creature stands in a wall.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from gameserver.maps import tiled
from gameserver.maps.kinds import KINDS
from gameserver.maps.objects import RESERVED, MapObject, Placed, object_classes

Declared = TypeVar("Declared", bound=MapObject)

# Zone names become parts of routing keys and ids, in which a dot separates.
_ZONE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Portal(msgspec.Struct, frozen=True):
    """Where one arrives: a zone's name and a tile."""

    zone: str
    x: int
    y: int


class CreatureSpawn(msgspec.Struct, frozen=True):
    """Where a creature of a kind appears, again and again; ``id`` is unique in the world ("meadow.rat.1").

    The number is the object's id in Tiled, so that it stays when the map's other objects come, go or change order.
    """

    id: str
    kind: str
    x: int
    y: int


class Zone(msgspec.Struct, frozen=True):
    """One map; sides and positions in tiles, (0, 0) at the top left, y growing downwards."""

    name: str
    title: str
    width: int
    height: int
    walls: frozenset[tuple[int, int]]
    spawns: tuple[tuple[int, int], ...]
    portals: dict[tuple[int, int], Portal]
    safe: bool
    creatures: tuple[CreatureSpawn, ...]
    objects: tuple[Placed, ...] = ()

    def placed(self, kind: type[Declared]) -> list[tuple[Placed, Declared]]:
        """The objects of a class that a module declares, each with its properties, in the order of Tiled's ids."""
        return [(placed, placed.what) for placed in self.objects if isinstance(placed.what, kind)]

    def walkable(self, x: int, y: int) -> bool:
        """Whether one can stand on the tile: on the map, and no wall."""
        return 0 <= x < self.width and 0 <= y < self.height and (x, y) not in self.walls


def nowhere(name: str) -> Zone:
    """A zone that is on no map of ours (another version of the world has it, or had it): nothing can happen there."""
    return Zone(
        name=name,
        title="Off the map",
        width=1,
        height=1,
        walls=frozenset({(0, 0)}),
        spawns=(),
        portals={},
        safe=True,
        creatures=(),
    )


class World(msgspec.Struct, frozen=True):
    """All zones by name; ``start`` names the one in which new players begin."""

    zones: dict[str, Zone]
    start: str


def fingerprint(world: World) -> str:
    """A short hash of all that is drawn, and of all kinds."""
    drawn = [
        replace(zone, walls=sorted(zone.walls), portals=sorted(zone.portals.items()))  # sets have no order
        for _, zone in sorted(world.zones.items())
    ]
    return sha256(msgspec.msgpack.encode([world.start, drawn, list(KINDS.values())])).hexdigest()[:16]


class _MapProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    safe: bool = False
    start: bool = False


class _SpawnProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _CreatureProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str


_ENGINES_OWN: dict[str, type[msgspec.Struct]] = dict(
    zip(RESERVED, (_SpawnProperties, Portal, _CreatureProperties), strict=True)
)


class _Drawn(msgspec.Struct):
    """What a map's object layer holds, in the order of the objects' ids."""

    spawns: list[tuple[int, int]] = []
    portals: dict[tuple[int, int], Portal] = {}
    creatures: dict[str, CreatureSpawn] = {}
    objects: list[Placed] = []


def load_world(path: Path) -> World:
    """Load a `.world` file and the `.tmj` maps it lists, checked; raises ``Corrupt`` ("bad_world") for any fault."""
    files: dict[str, Path] = {}
    starts: list[str] = []
    zones: dict[str, Zone] = {}
    for reference in tiled.read_world(path).maps:
        file = path.parent / reference.file_name
        name = _zone_name(path, file, files)
        files[name] = file
        zones[name], is_start = _read_zone(file, name)
        starts += [name] * is_start
    if len(starts) != 1:
        tiled.fault(path, f"needs exactly one map with the property start, found {', '.join(starts) or 'none'}")
    world = World(zones=zones, start=starts[0])
    for zone in zones.values():
        _check_portals(files[zone.name], zone, world)
    _check_reachable(path, world)
    return world


def _zone_name(path: Path, file: Path, taken: dict[str, Path]) -> str:
    name = file.stem
    if not _ZONE_NAME.fullmatch(name):
        tiled.fault(path, f"map {file.name!r}: a zone's name is up to 32 of a-z, 0-9, - and _, beginning with a letter")
    if name in taken:
        tiled.fault(path, f"lists two maps named {name!r}")
    return name


def _read_zone(file: Path, name: str) -> tuple[Zone, bool]:
    """Return the zone drawn in the file, checked as far as it goes alone, and whether it claims to be the start."""
    drawn = tiled.read_map(file)
    described = tiled.properties(file, "the map", drawn.properties, _MapProperties)
    tiled.gids(file, drawn, "ground")  # only for the eye, but a torn layer is a torn file
    found = _read_objects(file, name, drawn)
    zone = Zone(
        name=name,
        title=described.title,
        width=drawn.width,
        height=drawn.height,
        walls=_walls(file, drawn),
        spawns=tuple(found.spawns),
        portals=found.portals,
        safe=described.safe,
        creatures=tuple(found.creatures.values()),
        objects=tuple(found.objects),
    )
    _check_zone(file, zone)
    return zone, described.start


def _walls(file: Path, drawn: tiled.Map) -> frozenset[tuple[int, int]]:
    cells = tiled.gids(file, drawn, "walls")
    return frozenset((i % drawn.width, i // drawn.width) for i, gid in enumerate(cells) if gid)


def _read_objects(file: Path, zone: str, drawn: tiled.Map) -> _Drawn:
    """Return what the zone's object layer holds."""
    found = _Drawn()
    for thing in tiled.objects(file, drawn, "objects"):
        _add(file, zone, found, thing, tiled.tile_of(file, drawn, thing))
    return found


def _add(file: Path, zone: str, found: _Drawn, thing: tiled.Object, at: tuple[int, int]) -> None:
    match _meaning(file, thing):
        case Portal() as portal:
            if at in found.portals:
                tiled.fault(file, f"two portals stand at {at}")
            found.portals[at] = portal
        case _CreatureProperties(kind=kind):
            creature = CreatureSpawn(id=f"{zone}.{kind}.{thing.id}", kind=kind, x=at[0], y=at[1])
            if creature.id in found.creatures:
                tiled.fault(file, f"two creatures share the object id {thing.id}")
            found.creatures[creature.id] = creature
        case MapObject() as what:
            if problem := what.problem():
                tiled.fault(file, f"object {thing.id} ({thing.label}) {problem}")
            found.objects.append(Placed(id=f"{zone}.{thing.label}.{thing.id}", x=at[0], y=at[1], what=what))
        case _:
            found.spawns.append(at)


def _meaning(file: Path, thing: tiled.Object) -> msgspec.Struct:
    """Return the object's properties in the shape that its class demands."""
    classes = {**_ENGINES_OWN, **object_classes()}
    if thing.label not in classes:
        tiled.fault(file, f"object {thing.id} has class {thing.label!r}, expected one of {', '.join(classes)}")
    return tiled.properties(file, f"object {thing.id} ({thing.label})", thing.properties, classes[thing.label])


def _check_zone(file: Path, zone: Zone) -> None:
    if not zone.spawns:
        tiled.fault(file, "has no spawn")
    for at in zone.spawns:
        _check_stands(file, zone, "a spawn", at)
    for at in zone.portals:
        if not zone.walkable(*at):
            tiled.fault(file, f"a portal stands in a wall or outside, at {at}")
    for creature in zone.creatures:
        if creature.kind not in KINDS:
            tiled.fault(file, f"creature {creature.id} is of unknown kind, expected one of {', '.join(KINDS)}")
        _check_stands(file, zone, f"creature {creature.id}", (creature.x, creature.y))
    for placed in zone.objects:
        if not zone.walkable(placed.x, placed.y):
            tiled.fault(file, f"{placed.id} stands in a wall or outside, at {(placed.x, placed.y)}")


def _check_stands(file: Path, zone: Zone, what: str, at: tuple[int, int]) -> None:
    if not zone.walkable(*at):
        tiled.fault(file, f"{what} stands in a wall or outside, at {at}")
    if at in zone.portals:
        tiled.fault(file, f"{what} stands on a portal, at {at}")


def _check_portals(file: Path, zone: Zone, world: World) -> None:
    for at, portal in zone.portals.items():
        there = world.zones.get(portal.zone)
        if there is None:
            tiled.fault(file, f"the portal at {at} leads to an unknown zone, {portal.zone!r}")
        _check_stands(file, there, f"who takes the portal at {at} to {portal.zone!r}", (portal.x, portal.y))


def _check_reachable(path: Path, world: World) -> None:
    reached: set[str] = set()
    frontier = {world.start}
    while frontier:
        reached |= frontier
        frontier = {portal.zone for name in frontier for portal in world.zones[name].portals.values()} - reached
    lost = sorted(world.zones.keys() - reached)
    if lost:
        tiled.fault(path, f"no portals lead from {world.start!r} to {', '.join(lost)}")
