"""Reads and writes PNG images, as far as pictures of maps need them: 8 bits for a channel, not interlaced."""

import struct
import zlib
from collections.abc import Iterable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OPAQUE = 255
COLOURS_MAX = 256
INDEXED = 3
CHANNELS = {0: 1, 2: 3, INDEXED: 1, 4: 2, 6: 4}  # by colour type
MASKS = (0xFF, 0xFC, 0xF8, 0xF0, 0xE0, 0xC0)  # ever coarser colours; the last leaves 64

Pixel = tuple[int, int, int, int]  # red, green, blue, opacity
Rows = list[list[Pixel]]


def decode(data: bytes) -> Rows:
    """Return an image's pixels row by row. Raises ``ValueError`` for what is no PNG, or one of another sort."""
    chunks = list(_chunks(data))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or interlaced or colour not in CHANNELS:
        raise ValueError("only PNGs of 8 bits a channel that are not interlaced are read")
    named, step = dict(chunks), CHANNELS[colour]
    raw = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    palette = list(_palette(named.get(b"PLTE", b""), named.get(b"tRNS", b"")))
    lines = _unfiltered(raw, width * step, height, step)
    return [[_pixel(colour, line[i : i + step], palette) for i in range(0, len(line), step)] for line in lines]


def encode(rows: list[bytes], palette: list[Pixel]) -> bytes:
    """Return a PNG of rows that hold, for each pixel, the index of its colour."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, INDEXED, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    colours = bytes(channel for pixel in palette for channel in pixel[:3])
    parts = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", body), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in parts)


def palette_of(pixels: Iterable[Pixel]) -> tuple[list[Pixel], dict[Pixel, int]]:
    """Return few enough colours for an image, and which of them each pixel has: colours that are much alike are one."""
    used = set(pixels)
    coarse: dict[Pixel, Pixel] = {}
    for mask in MASKS:
        coarse = {pixel: _coarse(pixel, mask) for pixel in used}
        if len(set(coarse.values())) <= COLOURS_MAX:
            break
    palette = sorted(set(coarse.values()))
    at = {pixel: n for n, pixel in enumerate(palette)}
    return palette, {pixel: at[coarse[pixel]] for pixel in used}


def _coarse(pixel: Pixel, mask: int) -> Pixel:
    red, green, blue, _ = pixel
    return red & mask, green & mask, blue & mask, OPAQUE


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise ValueError("is no PNG")
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _palette(colours: bytes, opacities: bytes) -> Iterator[Pixel]:
    for n in range(len(colours) // 3):
        red, green, blue = colours[3 * n : 3 * n + 3]
        yield red, green, blue, opacities[n] if n < len(opacities) else OPAQUE


def _pixel(colour: int, cell: bytes, palette: list[Pixel]) -> Pixel:
    if colour == INDEXED:
        return palette[cell[0]]
    red, green, blue = cell[:3] if len(cell) >= 3 else (cell[0],) * 3
    return red, green, blue, cell[-1] if len(cell) in (2, 4) else OPAQUE


def _unfiltered(raw: bytes, width: int, height: int, step: int) -> list[bytes]:
    """Undo the filters: each line begins with the number of the filter that it was passed through."""
    lines = [bytes(width)]
    for n in range(height):
        at = n * (width + 1)
        lines.append(_line(raw[at], bytearray(raw[at + 1 : at + 1 + width]), lines[-1], step))
    return lines[1:]


def _line(way: int, line: bytearray, above: bytes, step: int) -> bytes:
    for i, value in enumerate(line):
        left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
        line[i] = value + _predicted(way, left, above[i], corner) & 0xFF
    return bytes(line)


def _predicted(way: int, left: int, up: int, corner: int) -> int:
    return (0, left, up, (left + up) // 2, _paeth(left, up, corner))[way]


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
