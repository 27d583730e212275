"""Loads the world that mappers draw in Tiled: zones, their walls, and the objects that the game's modules declare.

Each map is first read alone into a ``Zone``, then the zones are checked against each other, by what modules say of
their objects. A world that loads is sound: whoever uses it never asks again whether something stands in a wall.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare.game_package import game
from gameserver.maps import tiled
from gameserver.maps.objects import (
    MapObject,
    MapProperties,
    Placed,
    World,
    Zone,
    object_classes,
    property_classes,
    world_checks,
)

# What a mapper sees in Tiled and the map does not say.
DEFAULT_UNSAVED = (
    "; in Tiled give it under Custom Properties. (What its class has by default is shown there and not saved; "
    "File > Export As writes it where Edit > Preferences > Resolve object types and properties is ticked: then name "
    "that file in the world)"
)
# Zone names become parts of routing keys and ids, in which a dot separates.
_ZONE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def nowhere(name: str) -> Zone:
    """A zone that is on no map of ours (another version of the world has it, or had it): nothing can happen there."""
    return Zone(name=name, title="Off the map", width=1, height=1, walls=frozenset({(0, 0)}))


def fingerprint(world: World) -> str:
    """A short hash of all that is drawn, and of the data files of the game's modules."""
    drawn = [replace(zone, walls=sorted(zone.walls)) for _, zone in sorted(world.drawn.items())]
    data = [(name, path.read_bytes()) for name, path in sorted(game().data.items())]
    return sha256(msgspec.msgpack.encode([world.start, drawn, sorted(world.templates), data])).hexdigest()[:16]


class _MapProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a map says of itself beside what modules declare. ``template``: it is no zone itself (``World``)."""

    title: str
    start: bool = False
    template: bool = False


def load_world(path: Path) -> World:
    """Load a `.world` file and the `.tmj` maps it lists, checked; raises ``Corrupt`` ("bad_world") for any fault."""
    files: dict[str, Path] = {}
    starts: list[str] = []
    zones: dict[str, Zone] = {}
    templates: dict[str, Zone] = {}
    for reference in tiled.read_world(path).maps:
        file = path.parent / reference.file_name
        name = _zone_name(path, file, files)
        files[name] = file
        zone, described = _read_zone(file, name)
        (templates if described.template else zones)[name] = zone
        starts += [name] * described.start
    if len(starts) != 1:
        tiled.fault(path, f"needs exactly one map with the property start, found {', '.join(starts) or 'none'}")
    if starts[0] in templates:
        tiled.fault(files[starts[0]], "is the start, and can't be a template")
    world = World(zones=zones, start=starts[0], templates=templates)
    for name, placed, sentence in _problems_on_maps(world):
        tiled.fault_of_object(files[name], int(placed.id.rpartition(".")[2]), sentence)
    for name, sentence in _problems_together(world):
        tiled.fault(files.get(name, path), sentence)
    return world


def problems_of(world: World) -> Iterator[tuple[str, str]]:
    """Find what is wrong with a world's maps, each for itself and together: a zone's name ("" for all), a sentence."""
    yield from ((name, sentence) for name, _, sentence in _problems_on_maps(world))
    yield from _problems_together(world)


def _problems_on_maps(world: World) -> Iterator[tuple[str, Placed, str]]:
    for zone in world.drawn.values():
        yield from ((zone.name, placed, problem) for placed, problem in _problems_of_places(zone, world))


def _problems_together(world: World) -> Iterator[tuple[str, str]]:
    for check in world_checks():
        yield from check(world)


def _zone_name(path: Path, file: Path, taken: dict[str, Path]) -> str:
    name = file.stem
    if not _ZONE_NAME.fullmatch(name):
        tiled.fault(path, f"map {file.name!r}: a zone's name is up to 32 of a-z, 0-9, - and _, beginning with a letter")
    if name in taken:
        tiled.fault(path, f"lists two maps named {name!r}")
    return name


def _read_zone(file: Path, name: str) -> tuple[Zone, Any]:
    """Return the zone drawn in the file, and the engine's part of what the map says of itself."""
    drawn = tiled.read_map(file)
    described, more = _described(file, drawn)
    tiled.gids(file, drawn, "ground")  # only for the eye, but a torn layer is a torn file
    zone = Zone(
        name=name,
        title=described.title,
        width=drawn.width,
        height=drawn.height,
        walls=_walls(file, drawn),
        objects=tuple(_read_objects(file, name, drawn)),
        properties=more,
    )
    return zone, described


def _described(file: Path, drawn: tiled.Map) -> tuple[Any, tuple[MapProperties, ...]]:
    """Return what the map says of itself: the engine's part, and those of modules that are not as by default."""
    declared = property_classes()
    fields = [(f.name, f.type, f.default) for cls in declared for f in msgspec.structs.fields(cls)]
    whole = msgspec.defstruct("_Described", fields, bases=(_MapProperties,), frozen=True, forbid_unknown_fields=True)
    try:
        found = tiled.properties(drawn.properties, whole)
    except msgspec.ValidationError as error:
        tiled.fault(file, f"properties of the map: {error}{_cure(error)}")
    said = [cls(**{name: getattr(found, name) for name in cls.__struct_fields__}) for cls in declared]
    return found, tuple(one for one in said if one != type(one)())


def _walls(file: Path, drawn: tiled.Map) -> frozenset[tuple[int, int]]:
    cells = tiled.gids(file, drawn, "walls")
    return frozenset((i % drawn.width, i // drawn.width) for i, gid in enumerate(cells) if gid)


def _read_objects(file: Path, zone: str, drawn: tiled.Map) -> list[Placed]:
    """Return what the zone's object layer holds, in the order of the objects' ids."""
    _refuse_meaning_elsewhere(file, drawn)
    found: list[Placed] = []
    for thing in tiled.objects(file, drawn, "objects"):
        x, y = tiled.tile_of(file, drawn, thing)
        what = _meaning(file, thing)
        found.append(Placed(id=f"{zone}.{what.called()}.{thing.id}", x=x, y=y, what=what))
    ids = [placed.id.rpartition(".")[2] for placed in found]
    for id_ in (id_ for n, id_ in enumerate(ids) if id_ in ids[:n]):
        tiled.fault(file, f"two objects share the id {id_}")
    return found


def _refuse_meaning_elsewhere(file: Path, drawn: tiled.Map) -> None:
    """Raise ``Corrupt`` where a mapper sees an object of the game's on a layer that is not read."""
    others = (one for one in drawn.layers if one.type == "objectgroup" and one.name != "objects" and one.is_seen)
    meant = ((one, thing) for one in others for thing in one.objects if _may_mean_something(thing))
    for one, thing in meant:
        tiled.fault_of_object(
            file,
            thing.id,
            f"object {thing.id} ({thing.label or thing.template}) is on the layer {one.name!r}, and only 'objects' is "
            "read; in Tiled right-click it and choose Move Object to Layer, or hide that layer",
        )


def _may_mean_something(thing: tiled.Object) -> bool:
    """Whether it is of a class of the game's, which that of a template does not say here."""
    return thing.label in object_classes() or bool(thing.template)


def _meaning(file: Path, thing: tiled.Object) -> MapObject:
    """Return the object's properties in the shape that its class demands."""
    classes = object_classes()
    if thing.label not in classes:
        expected = ", ".join(classes)
        tiled.fault_of_object(
            file, thing.id, f"object {thing.id} has class {thing.label!r}, expected one of {expected}"
        )
    named = f"object {thing.id} ({thing.label})"
    try:
        what = tiled.properties(thing.properties, classes[thing.label])
    except msgspec.ValidationError as error:
        tiled.fault_of_object(file, thing.id, f"properties of {named}: {error}{_cure(error)}")
    if problem := what.problem():
        tiled.fault_of_object(file, thing.id, f"{named} {problem}")
    return what


def _cure(error: msgspec.ValidationError) -> str:
    """Say what to click where a property is missing, which a mapper may see in Tiled all the same."""
    return DEFAULT_UNSAVED if "missing required field" in str(error) else ""


def _problems_of_places(zone: Zone, world: World) -> Iterator[tuple[Placed, str]]:
    for placed in zone.objects:
        at = placed.x, placed.y
        problem = placed.what.problem_at(world, zone, at) if zone.walkable(*at) else "stands in a wall or outside"
        if problem:
            yield placed, f"{placed.id} {problem}, at {at}"
