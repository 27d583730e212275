"""Pictures of maps: legible for a browser, current or behind, and PNGs in and out."""

import json
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gameserver.cli import main
from gameserver.maps import png, tiled
from gameserver.maps.objects import World
from gameserver.maps.pictures import pictures, refresh
from gameserver.maps.world import load_world
from tests.deployments import write_world

RED, BLUE, CLEAR = (250, 10, 10, 255), (10, 10, 250, 255), (0, 0, 0, 0)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_world(tmp_path, "#####", "#s..#", "#####")


@pytest.fixture
def world(path: Path) -> World:
    return load_world(path)


def words(file: Path) -> list[str]:
    return [one.text or "" for one in ElementTree.parse(file).iter(f"{SVG}text")]


def test_a_zone_and_the_world_have_a_picture_with_title_marks_and_legend(
    path: Path, world: World, tmp_path: Path
) -> None:
    assert refresh(path, world, tmp_path / "drawn") == ["arena", "world"]
    said = words(tmp_path / "drawn" / "arena.svg")
    assert said[0] == world.zones["arena"].title
    assert "spawn" in said
    assert words(tmp_path / "drawn" / "world.svg") == [world.zones["arena"].title]
    assert ElementTree.parse(tmp_path / "drawn" / "arena.svg").find(f".//{SVG}image") is not None


def test_what_is_current_is_left_alone_and_what_is_behind_is_drawn_anew(
    path: Path, world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "drawn"
    refresh(path, world, folder)
    assert refresh(path, world, folder) == []
    file = next(path.parent.glob("*.tmj"))
    drawn = json.loads(file.read_text())
    next(one for one in drawn["layers"] if one["name"] == "walls")["data"][7] = 1
    file.write_text(json.dumps(drawn))
    assert refresh(path, load_world(path), folder) == ["arena", "world"]


def test_the_same_map_makes_the_same_picture(path: Path, world: World) -> None:
    once, again = list(pictures(path, world)), list(pictures(path, world))
    assert [one.draw() for one in once] == [one.draw() for one in again]


def test_the_command_says_what_it_drew(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GAMESERVER_WORLD", str(path))
    for said in ("arena, world", "nothing, all pictures were current"):
        assert main(["world", "pictures", str(tmp_path / "drawn")]) == 0
        assert f"Drawn anew in {tmp_path / 'drawn'}: {said}." in capsys.readouterr().out


# PNGs


def test_what_was_encoded_is_decoded() -> None:
    rows = [[RED, BLUE], [BLUE, BLUE]]
    palette, index = png.palette_of(pixel for row in rows for pixel in row)
    assert png.decode(png.encode([bytes(index[p] for p in row) for row in rows], palette)) == rows


@pytest.mark.parametrize("way", range(5))
def test_every_filter_is_undone(way: int) -> None:
    lines = [bytes((10, 20, 30, 12, 22, 33, 90, 80, 70)), bytes((11, 21, 35, 40, 50, 60, 7, 8, 9))]
    raw = b"".join(
        bytes((way,)) + filtered(way, line, above) for line, above in zip(lines, [bytes(9), lines[0]], strict=True)
    )
    decoded = png.decode(image(3, 2, 2, raw))
    assert [bytes(c for pixel in row for c in pixel[:3]) for row in decoded] == lines


def filtered(way: int, line: bytes, above: bytes) -> bytes:
    """A line as an encoder passes it through one of the filters."""
    corners = [(line[i - 3], above[i - 3]) if i >= 3 else (0, 0) for i in range(len(line))]
    return bytes(
        (value - png._predicted(way, left, up, corner)) & 0xFF
        for value, up, (left, corner) in zip(line, above, corners, strict=True)
    )


def image(width: int, height: int, colour: int, raw: bytes, depth: int = 8) -> bytes:
    header = b"".join(n.to_bytes(4, "big") for n in (width, height)) + bytes((depth, colour, 0, 0, 0))
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return png.SIGNATURE + b"".join(png._chunk(name, body) for name, body in parts)


@pytest.mark.parametrize(
    ("colour", "cell", "pixel"),
    [(0, b"\x07", (7, 7, 7, 255)), (4, b"\x07\x09", (7, 7, 7, 9)), (6, b"\x01\x02\x03\x04", (1, 2, 3, 4))],
)
def test_grey_and_transparent_images_are_read(colour: int, cell: bytes, pixel: png.Pixel) -> None:
    assert png.decode(image(1, 1, colour, b"\0" + cell)) == [[pixel]]


@pytest.mark.parametrize("data", [b"GIF89a", image(1, 1, 2, b"\0\0\0\0", depth=16)])
def test_another_sort_of_image_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="PNG"):
        png.decode(data)


def test_an_image_of_many_colours_is_drawn_with_fewer() -> None:
    palette, index = png.palette_of((red, green, 9, 255) for red in range(64) for green in range(64))
    assert len(palette) <= png.COLOURS_MAX
    assert len(index) == 64 * 64


# Tile sets


def test_a_tile_set_in_a_file_of_its_own_is_read_and_one_in_xml_left_out(tmp_path: Path) -> None:
    (tmp_path / "own.tsj").write_text('{"image": "own.png", "columns": 2, "tilecount": 4}')
    sets = (tiled.TileSet(firstgid=5, source="own.tsj"), tiled.TileSet(source="old.tsx"), tiled.TileSet(image="a.png"))
    drawn = tiled.Map(width=1, height=1, tilewidth=16, tileheight=16, layers=(), tilesets=sets)
    found = tiled.tilesets(tmp_path / "a.tmj", drawn)
    assert [(one.firstgid, one.image) for one in found] == [(5, "own.png"), (1, "a.png")]
