"""Reads the files of the Tiled editor into typed values, and knows nothing of the game.

The shapes below name only what is used of Tiled's JSON (`.world` and `.tmj`); msgspec checks types on the way in, and
every fault, down to a torn base64 string, becomes one ``Corrupt`` that names the file.
"""

import base64
import struct
import zlib
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec

from gameserver.errors import Corrupt

SIDE_TILES_MAX = 1024

_Side = Annotated[int, msgspec.Meta(ge=1, le=SIDE_TILES_MAX)]
_T = TypeVar("_T")


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
    gid: Any = None
    polygon: Any = None
    polyline: Any = None
    text: Any = None

    @property
    def label(self) -> str:
        """What the mapper typed as the object's class."""
        return self.type or self.class_


class Layer(msgspec.Struct, frozen=True):
    """A layer of any type; ``data`` is a list of gids, or their base64 text as ``encoding`` and ``compression`` say."""

    name: str
    type: str
    width: int = 0
    height: int = 0
    data: list[int] | str | None = None
    encoding: str = "csv"
    compression: str = ""
    objects: tuple[Object, ...] = ()


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


class MapReference(msgspec.Struct, frozen=True):
    """Where a world names one of its maps."""

    file_name: str = msgspec.field(name="fileName")


class WorldFile(msgspec.Struct, frozen=True):
    """One `.world` file; ``patterns`` is the editor's other way to name maps, by regular expressions."""

    maps: tuple[MapReference, ...] = ()
    patterns: tuple[Any, ...] = ()


def fault(path: Path, sentence: str) -> NoReturn:
    """Raise ``Corrupt`` ("bad_world") for the file at ``path``."""
    raise Corrupt("bad_world", f"{path}: {sentence}")


def read_world(path: Path) -> WorldFile:
    """Read a `.world` file that lists its maps one by one; ``Corrupt`` if it doesn't."""
    world = _read_json(path, WorldFile)
    if world.patterns:
        fault(path, "names maps by patterns; list them one by one under maps")
    if not world.maps:
        fault(path, "lists no maps")
    return world


def read_map(path: Path) -> Map:
    """Read a `.tmj` file, finite and orthogonal; ``Corrupt`` for anything else."""
    tiled = _read_json(path, Map)
    if tiled.infinite:
        fault(path, "is an infinite map; untick Infinite in Tiled's map properties")
    if tiled.orientation != "orthogonal":
        fault(path, f"is {tiled.orientation}; only orthogonal maps are read")
    return tiled


def layer(path: Path, tiled: Map, name: str, type_: str) -> Layer:
    """Return the map's only layer of this name and type; ``Corrupt`` if there is none, or another."""
    found = [one for one in tiled.layers if one.name == name and one.type == type_]
    if len(found) != 1:
        fault(path, f"has {len(found)} layers of type {type_} named {name!r} at its top level, expected one")
    return found[0]


def gids(path: Path, tiled: Map, name: str) -> list[int]:
    """Return a tile layer's gids row by row, exactly width * height of them; 0 is an empty cell."""
    tiles = layer(path, tiled, name, "tilelayer")
    cells = _cells(path, tiles)
    if (tiles.width, tiles.height) != (tiled.width, tiled.height):
        fault(path, f"layer {name!r} is {tiles.width}x{tiles.height}, the map is {tiled.width}x{tiled.height}")
    if len(cells) != tiled.width * tiled.height:
        fault(path, f"layer {name!r} has {len(cells)} cells, expected {tiled.width * tiled.height}")
    return cells


def tile_of(path: Path, tiled: Map, thing: Object) -> tuple[int, int]:
    """Return the tile (x, y) that holds the object's centre; ``Corrupt`` if its shape has no one obvious tile."""
    tile_object_or_drawing = any(one is not None for one in (thing.gid, thing.polygon, thing.polyline, thing.text))
    too_large = thing.width > tiled.tilewidth or thing.height > tiled.tileheight
    if tile_object_or_drawing or too_large or thing.rotation:
        fault(path, f"object {thing.id} has to be a point or an upright rectangle no larger than a tile")
    # The centre, not the corner: a rectangle drawn a pixel off the grid still means the tile that it covers.
    return (
        int((thing.x + thing.width / 2) // tiled.tilewidth),
        int((thing.y + thing.height / 2) // tiled.tileheight),
    )


def properties(path: Path, owner: str, found: tuple[Property, ...], shape: type[_T]) -> _T:
    """Return the custom properties as a ``shape`` (a struct type); ``Corrupt`` names their ``owner``."""
    try:
        return msgspec.convert({one.name: one.value for one in found}, shape)
    except msgspec.ValidationError as error:
        fault(path, f"properties of {owner}: {error}")


def _read_json(path: Path, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as error:
        fault(path, f"can't be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
