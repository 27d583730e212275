"""Draws maps as pictures: of each zone one with its tiles and what stands there, and one of how all zones join.

A picture is an SVG file: the tiles as an image within it, spots and words above. It begins with a fingerprint of all
that it was made of, so that those which are behind can be told from those which are current without drawing them.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import NamedTuple

from gameserver.maps import png, tiled
from gameserver.maps.objects import Placed, Tile, World, Zone, label_of
from gameserver.maps.png import OPAQUE, Pixel, Rows

VERSION = 1  # to be raised when pictures of the same maps come out otherwise
SIDE = 16  # pixels of a tile in the picture of a zone
DOT = 2  # in that of the world
ZOOM = 2  # of which it is shown larger
HEAD, FOOT = 30, 26
LETTER_WIDE, LETTER_HIGH = 7, 11  # of captions
LINES = (2 * SIDE - 1, -2, 2 * SIDE + LETTER_HIGH, -2 - LETTER_HIGH)  # below a spot, above it, farther away
NEAR = 3  # tiles within which two spots of one caption need it once
GID = 0x0FFF_FFFF  # the bits above say how a tile is turned
WORLD = "world"
FONT = 'font-family="Verdana,DejaVu Sans,sans-serif"'
NOTHING: Pixel = (24, 26, 30, OPAQUE)
UNKNOWN: Pixel = (128, 128, 128, OPAQUE)

Block = tuple[tuple[Pixel, ...], ...]
End = tuple[str, int, int]  # of a way: a map and a tile


class Drawing(NamedTuple):
    """A picture that can be drawn. ``made_of``: the fingerprint with which its file begins."""

    name: str
    made_of: str
    draw: Callable[[], str]

    @property
    def opening(self) -> str:
        """The first line of its file."""
        return f"<!-- {self.made_of} -->\n"

    def file(self, folder: Path) -> Path:
        """Where it lies in a folder of pictures."""
        return folder / f"{self.name}.svg"

    def is_current(self, folder: Path) -> bool:
        """Whether the folder holds it as it would be drawn now."""
        file = self.file(folder)
        return file.is_file() and file.read_text().startswith(self.opening)

    def write(self, folder: Path) -> None:
        """Draw it into the folder."""
        self.file(folder).write_text(self.opening + self.draw())


class Sheet(NamedTuple):
    """One map as it is painted: for each tile the gids that lie there, the lowest first; and the tiles' images."""

    zone: Zone
    cells: list[tuple[int, ...]]
    tiles: dict[int, Rows]
    at: tuple[int, int]


def pictures(path: Path, world: World) -> Iterator[Drawing]:
    """Give the pictures of a world that was loaded from ``path``: of all zones, then of the whole."""
    sheets = [_sheet(path.parent / one.file_name, world, (one.x, one.y)) for one in tiled.read_world(path).maps]
    for sheet in sheets:
        yield Drawing(sheet.zone.name, _fingerprint([sheet]), partial(_zone, sheet))
    yield Drawing(WORLD, _fingerprint(sheets), partial(_world, sheets))


def refresh(path: Path, world: World, folder: Path) -> list[str]:
    """Draw the pictures that are behind; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    behind = [picture for picture in pictures(path, world) if not picture.is_current(folder)]
    for picture in behind:
        picture.write(folder)
    return [picture.name for picture in behind]


def _fingerprint(sheets: list[Sheet]) -> str:
    drawn = [
        (s.at, s.zone.title, _said(s.zone), s.cells, list(s.tiles.items()), [tuple(spot) for spot in _spots(s.zone)])
        for s in sheets
    ]
    return sha256(repr((VERSION, drawn)).encode()).hexdigest()[:16]


def _sheet(file: Path, world: World, at: tuple[int, int]) -> Sheet:
    drawn = tiled.read_map(file)
    shown = [one for one in drawn.layers if one.type == "tilelayer" and one.visible and one.opacity]
    layers = [[gid & GID for gid in tiled.gids(file, drawn, one.name)] for one in shown]
    cells = [tuple(gid for gid in stack if gid) for stack in zip(*layers, strict=True)]
    used = {gid for stack in cells for gid in stack}
    return Sheet(world.drawn[file.stem], cells, _images(file, drawn, used), at)


def _images(file: Path, drawn: tiled.Map, used: set[int]) -> dict[int, Rows]:
    """The images of the tiles that are used, as far as there are any."""
    found: dict[int, Rows] = {}
    for one in tiled.tilesets(file, drawn):
        image = file.parent / one.image
        if one.columns and image.is_file():
            pixels = png.decode(image.read_bytes())
            found |= {n: _cut(pixels, one, n) for n in sorted(used) if 0 <= n - one.firstgid < one.tilecount}
    return found


def _cut(pixels: Rows, tiles: tiled.TileSet, gid: int) -> Rows:
    row, column = divmod(gid - tiles.firstgid, tiles.columns)
    x = tiles.margin + column * (tiles.tilewidth + tiles.spacing)
    y = tiles.margin + row * (tiles.tileheight + tiles.spacing)
    return [line[x : x + tiles.tilewidth] for line in pixels[y : y + tiles.tileheight]]


def _painted(sheet: Sheet, side: int) -> list[list[Block]]:
    """The tiles of a map as squares of pixels, row by row."""
    blocks = {stack: _block([sheet.tiles.get(gid) for gid in stack], side) for stack in set(sheet.cells)}
    width = sheet.zone.width
    return [[blocks[stack] for stack in sheet.cells[y * width :][:width]] for y in range(sheet.zone.height)]


def _block(images: list[Rows | None], side: int) -> Block:
    return tuple(tuple(_seen(images, x, y, side) for x in range(side)) for y in range(side))


def _seen(images: list[Rows | None], x: int, y: int, side: int) -> Pixel:
    """What is seen at a place of a tile: the uppermost that is not transparent there."""
    colours = [_mean(image, x, y, side) if image else UNKNOWN for image in images]
    return next((colour for colour in reversed(colours) if colour[3] > OPAQUE // 2), NOTHING)


def _mean(image: Rows, x: int, y: int, side: int) -> Pixel:
    """The colour of one of ``side`` times ``side`` parts of an image."""
    high, wide = len(image), len(image[0])
    rows = image[y * high // side : max((y + 1) * high // side, y * high // side + 1)]
    part = [
        pixel for row in rows for pixel in row[x * wide // side : max((x + 1) * wide // side, x * wide // side + 1)]
    ]
    red, green, blue, opacity = (sum(channel) // len(part) for channel in zip(*part, strict=True))
    return red, green, blue, opacity


def _image(rows: list[list[Block]], width: int, height: int) -> str:
    """An image of blocks, as part of an SVG that is ``width`` by ``height``."""
    palette, index = png.palette_of(pixel for row in rows for block in set(row) for line in block for pixel in line)
    known = {block: [bytes(index[p] for p in line) for line in block] for row in rows for block in row}
    lines = [b"".join(known[block][n] for block in row) for row in rows for n in range(len(row[0]))]
    data = b64encode(png.encode(lines, palette)).decode()
    return (
        f'<image width="{width}" height="{height}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{data}"/>'
    )


def _svg(width: int, height: int, parts: list[str]) -> str:
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    )
    return "\n".join((opening, f'<rect width="{width}" height="{height}" fill="#181a1e"/>', *parts, "</svg>\n"))


def _words(x: int, y: int, text: str, size: int, anchor: str = "middle", more: str = "") -> str:
    """Words that are legible on any ground."""
    halo = 'fill="white" stroke="black" stroke-width="3" paint-order="stroke" stroke-linejoin="round"'
    at = f'x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {at} {FONT} {halo}{more}>{escape(text)}</text>"


class Spot(NamedTuple):
    """Something that stands on a map. ``label``: its class; ``caption``: "" where another spot says it already."""

    x: int
    y: int
    label: str
    colour: str
    caption: str


def _spots(zone: Zone) -> list[Spot]:
    said: list[Placed] = []
    spots = []
    for one in zone.objects:
        caption = "" if _is_said(one, said) else one.what.caption()
        spots.append(Spot(one.x, one.y, label_of(type(one.what)), one.what.colour, caption))
        said.append(one)
    return spots


def _is_said(one: Placed, said: list[Placed]) -> bool:
    alike = [other for other in said if other.what.caption() == one.what.caption()]
    return any(max(abs(one.x - other.x), abs(one.y - other.y)) <= NEAR for other in alike)


def _zone(sheet: Sheet) -> str:
    zone = sheet.zone
    width, height = zone.width * SIDE, zone.height * SIDE
    spots = _spots(zone)
    drawn = [_drawn(spot) for spot in spots]
    captions = _captions(spots, width, height)
    ground = f'<g transform="translate(0 {HEAD})">'
    title = _words(8, 21, f"{zone.title}{_said(zone)}", 16, "start", ' font-weight="bold"')
    parts = [title, ground, _image(_painted(sheet, SIDE), width, height), *drawn, *captions, "</g>"]
    return _svg(width, height + HEAD + FOOT, [*parts, *_legend(spots, height + HEAD + FOOT // 2)])


def _said(zone: Zone) -> str:
    """What the map says of itself, where that is true and not false as it would be by default."""
    said = [name for one in zone.properties for name in one.__struct_fields__ if getattr(one, name) is True]
    return "".join(f" · {name}" for name in said)


def _drawn(spot: Spot) -> str:
    x, y = spot.x * SIDE + SIDE // 2, spot.y * SIDE + SIDE // 2
    return f'<circle cx="{x}" cy="{y}" r="6" fill="{spot.colour}" stroke="black" stroke-width="1.5"/>'


def _captions(spots: list[Spot], width: int, height: int) -> Iterator[str]:
    """Captions below their spots, or above, wherever they cover no other and are within the picture."""
    taken: list[Box] = []
    for spot in (spot for spot in spots if spot.caption):
        places = [_caption_box(spot, line, width) for line in LINES]
        free = [box for box in places if LETTER_HIGH <= box.y < height and not any(map(box.covers, taken))]
        box = (free or places)[0]
        taken.append(box)
        yield _words(box.x, box.y, spot.caption, LETTER_HIGH)


class Box(NamedTuple):
    """Where a caption is: the middle of its line, and half its width."""

    x: int
    y: int
    half: int

    def covers(self, other: "Box") -> bool:
        """Whether both could not be read."""
        return abs(self.x - other.x) < self.half + other.half and abs(self.y - other.y) < LETTER_HIGH


def _caption_box(spot: Spot, line: int, width: int) -> Box:
    half = LETTER_WIDE * len(spot.caption) // 2
    return Box(max(half, min(width - half, spot.x * SIDE + SIDE // 2)), spot.y * SIDE + line, half)


def _legend(spots: list[Spot], y: int) -> list[str]:
    found = sorted({(spot.label, spot.colour) for spot in spots})
    parts = []
    x = 14
    for label, colour in found:
        parts.append(f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}" stroke="black" stroke-width="1.5"/>')
        parts.append(_words(x + 12, y + 4, label, 11, "start"))
        x += 34 + 7 * len(label)
    return parts


def _world(sheets: list[Sheet]) -> str:
    """All zones where the editor's view of the world shows them, and lines from portals to where they lead."""
    left, top = min(s.at[0] for s in sheets) // SIDE - 2, min(s.at[1] for s in sheets) // SIDE - 2
    places = {s.zone.name: (s.at[0] // SIDE - left, s.at[1] // SIDE - top) for s in sheets}
    size = DOT * ZOOM
    wide = (max(places[s.zone.name][0] + s.zone.width for s in sheets) + 2) * size
    high = (max(places[s.zone.name][1] + s.zone.height for s in sheets) + 2) * size
    parts = [_placed(s, *places[s.zone.name], size) for s in sheets]
    titles = [_titled(s.zone, *places[s.zone.name], size) for s in sheets]
    return _svg(wide, high, [*parts, *_ways(sheets, places, size), *titles])


def _placed(sheet: Sheet, x: int, y: int, size: int) -> str:
    image = _image(_painted(sheet, DOT), sheet.zone.width * size, sheet.zone.height * size)
    return f'<g transform="translate({x * size} {y * size})">{image}</g>'


def _titled(zone: Zone, x: int, y: int, size: int) -> str:
    return _words((2 * x + zone.width) * size // 2, (2 * y + zone.height) * size // 2, zone.title, 13)


def _ways(sheets: list[Sheet], places: dict[str, Tile], size: int) -> list[str]:
    """Lines from where one leaves a zone to where one comes out; those of portals side by side count once."""
    zones = {sheet.zone.name: sheet.zone for sheet in sheets}
    ends: dict[frozenset[tuple[str, int, int]], str] = {}
    for sheet in sheets:
        for here, there in _joined(sheet.zone, zones):
            key = frozenset((name, x // NEAR, y // NEAR) for name, x, y in (here, there))
            ends.setdefault(key, _way(here, there, places, size))
    return list(ends.values())


def _joined(zone: Zone, zones: dict[str, Zone]) -> Iterator[tuple[End, End]]:
    for placed in zone.objects:
        name, tile = placed.what.leads_to() or ("", None)
        if there := zones.get(name):
            yield (zone.name, placed.x, placed.y), (name, *(tile or (there.width // 2, there.height // 2)))


def _way(here: End, there: End, places: dict[str, Tile], size: int) -> str:
    (x1, y1), (x2, y2) = (_dot(end, places, size) for end in (here, there))
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="gold" stroke-width="3" stroke-linecap="round"/>'


def _dot(end: End, places: dict[str, Tile], size: int) -> tuple[int, int]:
    name, x, y = end
    left, top = places[name]
    return (left + x) * size + size // 2, (top + y) * size + size // 2
