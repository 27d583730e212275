"""Reads the files of the Tiled editor into typed values, and knows nothing of the game.

The shapes below name only what is used of Tiled's JSON (`.world` and `.tmj`, format 1.10 and 1.11,
https://doc.mapeditor.org/en/stable/reference/json-map-format/); msgspec checks types on the way in, and every fault,
down to a torn base64 string, becomes one ``Corrupt`` that names the file. What a mapper sees in the editor is what
counts: layers in groups and layers that are offset are read where they are shown, and what can't be read so is refused
with what to click.
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec.structs import replace

from gameserver.errors import Corrupt

SIDE_TILES_MAX = 1024

_Side = Annotated[int, msgspec.Meta(ge=1, le=SIDE_TILES_MAX)]
_T = TypeVar("_T")

_TRANSPARENT = re.compile("#00[0-9a-fA-F]{6}")
# What tells a layer from an object, which has an id, x and y too.
_OF_LAYERS = {"layers", "objects", "data", "image"}


class Property(msgspec.Struct, frozen=True):
    """A custom property as the editor saves it."""

    name: str
    value: Any


class Object(msgspec.Struct, frozen=True):
    """A thing on an object layer; position and size in pixels. Tiled 1.9 writes ``class``, all others ``type``."""

    id: int
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0
    rotation: float = 0.0
    type: str = ""
    class_: str = msgspec.field(default="", name="class")
    properties: tuple[Property, ...] = ()
    visible: bool = True
    opacity: float = 1.0
    template: str = ""
    gid: Any = None
    polygon: Any = None
    polyline: Any = None
    text: Any = None

    @property
    def is_seen(self) -> bool:
        """Whether the editor shows it."""
        return self.visible and self.opacity > 0

    @property
    def label(self) -> str:
        """What the mapper typed as the object's class."""
        return self.type or self.class_


class Layer(msgspec.Struct, frozen=True):
    """A layer of any type; ``data`` is a list of gids, or their base64 text as ``encoding`` and ``compression`` say.

    ``offsetx``, ``offsety``: pixels; ``x``, ``y``: tiles; ``layers``: of a group.
    """

    name: str
    type: str
    width: int = 0
    height: int = 0
    x: int = 0
    y: int = 0
    offsetx: float = 0.0
    offsety: float = 0.0
    parallaxx: float = 1.0
    parallaxy: float = 1.0
    visible: bool = True
    opacity: float = 1.0
    tintcolor: str = ""
    layers: "tuple[Layer, ...]" = ()
    data: list[int] | str | None = None
    encoding: str = "csv"
    compression: str = ""
    objects: tuple[Object, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether the editor shows it. A tint is #RRGGBB, or #AARRGGBB with how far it lets through."""
        return self.visible and self.opacity > 0 and not _TRANSPARENT.fullmatch(self.tintcolor)


class TileSet(msgspec.Struct, frozen=True):
    """The tiles of a map, of a file of their own where ``source`` names one. Numbers in pixels, but for ``columns``.

    Only pictures of maps need it: the game knows of a tile only whether there is one.
    """

    firstgid: int = 1
    source: str = ""
    image: str = ""
    columns: int = 0
    tilecount: int = 0
    tilewidth: int = 16
    tileheight: int = 16
    margin: int = 0
    spacing: int = 0


class Map(msgspec.Struct, frozen=True):
    """One `.tmj` file; sides in tiles, sides of a tile in pixels."""

    width: _Side
    height: _Side
    tilewidth: _Side
    tileheight: _Side
    layers: tuple[Layer, ...]
    infinite: bool = False
    orientation: str = "orthogonal"
    properties: tuple[Property, ...] = ()
    tilesets: tuple[TileSet, ...] = ()


class MapReference(msgspec.Struct, frozen=True):
    """Where a world names one of its maps. ``x`` and ``y``: pixels from the editor's origin."""

    file_name: str = msgspec.field(name="fileName")
    x: int = 0
    y: int = 0


class WorldFile(msgspec.Struct, frozen=True):
    """One `.world` file; ``patterns`` is the editor's other way to name maps, by regular expressions."""

    maps: tuple[MapReference, ...] = ()
    patterns: tuple[Any, ...] = ()


def fault(path: Path, sentence: str) -> NoReturn:
    """Raise ``Corrupt`` ("bad_world") for the file at ``path``."""
    raise Corrupt("bad_world", f"{path}: {sentence}")


def fault_of_object(path: Path, id_: int, sentence: str) -> NoReturn:
    """Raise the same, with the line on which the object of this id begins."""
    line = _line_of_object(path, id_)
    raise Corrupt("bad_world", f"{path}{f':{line}' if line else ''}: {sentence}")


def _line_of_object(path: Path, id_: int) -> int:
    """Find an object's line; 0 where its keys stand in another order than Tiled's."""
    text = path.read_text(errors="replace")
    for found in re.finditer(rf'"id"\s*:\s*{id_}\b', text):
        begins = text.rfind("{", 0, found.start())
        if _is_object(text, begins, id_):
            return text.count("\n", 0, begins) + 1
    return 0


def _is_object(text: str, begins: int, id_: int) -> bool:
    try:
        whole, _ = json.JSONDecoder().raw_decode(text, begins)
    except ValueError:
        return False
    return whole.get("id") == id_ and {"x", "y"} <= whole.keys() and not whole.keys() & _OF_LAYERS


def read_world(path: Path) -> WorldFile:
    """Read a `.world` file that lists its maps one by one; ``Corrupt`` if it doesn't."""
    world = _read_json(path, WorldFile)
    if world.patterns:
        fault(path, "names maps by patterns; list them one by one under maps")
    if not world.maps:
        fault(path, "lists no maps")
    return world


def read_map(path: Path) -> Map:
    """Read a `.tmj` file, finite and orthogonal, its groups dissolved; ``Corrupt`` for anything else."""
    tiled = _read_json(path, Map)
    if tiled.infinite:
        fault(path, "is an infinite map; untick Infinite in Tiled's map properties")
    if tiled.orientation != "orthogonal":
        fault(
            path,
            f"is {tiled.orientation}; set Orientation to Orthogonal in Tiled's map properties: others are not read",
        )
    return replace(tiled, layers=tuple(_ungrouped(tiled.layers)))


def _ungrouped(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Give the layers out of their groups, as they are shown there: moved, seen through and hidden with the group."""
    for one in layers:
        if one.type != "group":
            yield one
            continue
        for inner in _ungrouped(one.layers):
            yield replace(
                inner,
                offsetx=inner.offsetx + one.offsetx,
                offsety=inner.offsety + one.offsety,
                parallaxx=inner.parallaxx * one.parallaxx,
                parallaxy=inner.parallaxy * one.parallaxy,
                visible=inner.is_seen and one.is_seen,
                opacity=inner.opacity * one.opacity,
            )


def layer(path: Path, tiled: Map, name: str, type_: str) -> Layer:
    """Return the map's only layer of this name and type; ``Corrupt`` if there is none, another, or it is not seen."""
    found = [one for one in tiled.layers if one.name == name and one.type == type_]
    if len(found) != 1:
        fault(path, f"has {len(found)} layers of type {type_} named {name!r}, expected one")
    if not found[0].is_seen:
        fault(
            path,
            f"layer {name!r} is hidden; show it in Tiled (the eye beside it, Opacity 1, no transparent Tint Color, and "
            "so its groups): what is read is seen",
        )
    if (found[0].parallaxx, found[0].parallaxy) != (1.0, 1.0):
        fault(path, f"layer {name!r} moves with the view; set its Parallax Factor to 1, 1 in Tiled's layer properties")
    return found[0]


def gids(path: Path, tiled: Map, name: str) -> list[int]:
    """Return a tile layer's gids row by row, exactly width * height of them; 0 is an empty cell."""
    tiles = layer(path, tiled, name, "tilelayer")
    cells = _cells(path, tiles)
    if (tiles.width, tiles.height) != (tiled.width, tiled.height):
        fault(path, f"layer {name!r} is {tiles.width}x{tiles.height}, the map is {tiled.width}x{tiled.height}")
    if len(cells) != tiled.width * tiled.height:
        fault(path, f"layer {name!r} has {len(cells)} cells, expected {tiled.width * tiled.height}")
    return _shifted(cells, tiled, *_offset_tiles(path, tiled, tiles))


def _offset_tiles(path: Path, tiled: Map, tiles: Layer) -> tuple[int, int]:
    across, rest_x = divmod(tiles.offsetx, tiled.tilewidth)
    down, rest_y = divmod(tiles.offsety, tiled.tileheight)
    if rest_x or rest_y:
        fault(
            path,
            f"layer {tiles.name!r} is offset by part of a tile; set its Offset to whole tiles, or to 0, 0, in Tiled's "
            "layer properties (its groups' count, too)",
        )
    return tiles.x + int(across), tiles.y + int(down)


def _shifted(cells: list[int], tiled: Map, across: int, down: int) -> list[int]:
    """Move cells within the map; what leaves it is gone, what comes in is empty."""
    if not across and not down:
        return cells
    rows, columns = range(tiled.height), range(tiled.width)
    return [
        cells[(y - down) * tiled.width + x - across] if y - down in rows and x - across in columns else 0
        for y in rows
        for x in columns
    ]


def tilesets(path: Path, tiled: Map) -> list[TileSet]:
    """Return a map's tile sets, those of files of their own read; one that is Tiled's XML is left out."""
    return [
        _outside(path.parent / one.source, one.firstgid) if one.source else one
        for one in tiled.tilesets
        if not one.source.endswith(".tsx")
    ]


def _outside(path: Path, firstgid: int) -> TileSet:
    return replace(_read_json(path, TileSet), firstgid=firstgid)


def objects(path: Path, tiled: Map, name: str) -> list[Object]:
    """Return an object layer's objects in the order of their ids, where they are shown."""
    shown = layer(path, tiled, name, "objectgroup")
    left, top = shown.offsetx + shown.x * tiled.tilewidth, shown.offsety + shown.y * tiled.tileheight
    moved = [replace(one, x=one.x + left, y=one.y + top) for one in shown.objects]
    return sorted(moved, key=lambda one: one.id)


def tile_of(path: Path, tiled: Map, thing: Object) -> tuple[int, int]:
    """Return the tile (x, y) that holds the object's centre; ``Corrupt`` if its shape has no one obvious tile."""
    if problem := _problem_of_shape(tiled, thing):
        fault_of_object(path, thing.id, f"object {thing.id} {problem}")
    # The centre, not the corner: a rectangle drawn a pixel off the grid still means the tile that it covers.
    return (
        int((thing.x + thing.width / 2) // tiled.tilewidth),
        int((thing.y + thing.height / 2) // tiled.tileheight),
    )


def _problem_of_shape(tiled: Map, thing: Object) -> str:
    if thing.template:
        return "is made from a template; right-click it in Tiled and choose Detach"
    if not thing.is_seen:
        return "is hidden; show it in Tiled (Visible in its properties, and Opacity 1), or remove it"
    tile_object_or_drawing = any(one is not None for one in (thing.gid, thing.polygon, thing.polyline, thing.text))
    too_large = thing.width > tiled.tilewidth or thing.height > tiled.tileheight
    if tile_object_or_drawing or too_large or thing.rotation % 360:
        return (
            "has to be a point or an upright rectangle no larger than a tile; in Tiled draw one with Insert Point, and "
            "give it the Class and the properties of this one"
        )
    return ""


def properties(found: tuple[Property, ...], shape: type[_T]) -> _T:
    """Return the custom properties as a ``shape`` (a struct type). Raises ``msgspec.ValidationError``."""
    return msgspec.convert({one.name: one.value for one in found}, shape)


def _read_json(path: Path, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as error:
        fault(path, f"can't be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if path.read_bytes().lstrip().startswith(b"<"):
            fault(
                path,
                "is Tiled's XML; choose File > Export As > JSON map files (*.tmj), and name that file in the world",
            )
        fault(path, f"is not the JSON that Tiled saves: {error}")


def _cells(path: Path, tiles: Layer) -> list[int]:
    if isinstance(tiles.data, list):
        return tiles.data
    if tiles.data is None or tiles.encoding != "base64" or tiles.compression not in ("", "zlib", "gzip"):
        fault(
            path,
            f"layer {tiles.name!r} is encoded as {tiles.encoding} {tiles.compression or 'uncompressed'}; "
            "choose CSV or base64 (uncompressed, zlib or gzip) as Tiled's tile layer format",
        )
    try:
        return _unpack(tiles.data, compressed=bool(tiles.compression))
    except (ValueError, zlib.error, struct.error) as error:
        fault(path, f"layer {tiles.name!r} holds damaged base64 data: {error}")


def _unpack(text: str, *, compressed: bool) -> list[int]:
    raw = base64.b64decode(text, validate=True)
    if compressed:
        raw = zlib.decompress(raw, wbits=zlib.MAX_WBITS | 32)  # 32: tell zlib and gzip apart by their header
    return [gid for (gid,) in struct.iter_unpack("<I", raw)]
