"""What is built is written into the files of Tiled: they show exactly that, and else what they showed."""

import base64
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.game_package import game
from gameserver.errors import Corrupt
from gameserver.maps.objects import Placed, World, Zone
from gameserver.maps.save_tiled import save
from gameserver.maps.world import load_world
from gameserver.modules.building.maps import Sign
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.movement.maps import Portal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the bundled world's files."""
    shutil.copytree(game().world.parent, tmp_path / "maps")
    return tmp_path / "maps" / game().world.name


def rebuilt(world: World, name: str, change: Callable[[Zone], Zone]) -> World:
    return replace(world, zones=world.zones | {name: change(world.zones[name])})


def furnished(zone: Zone) -> Zone:
    """A cellar with a wall more and a wall less, objects of each type of property, and one object less."""
    new = (
        Placed(f"{zone.name}.sign.1000001", 2, 6, Sign("Mind „the“ step")),
        Placed(f"{zone.name}.rat.1000002", 3, 6, Lair("rat")),
        Placed(f"{zone.name}.portal.1000003", 2, 9, Portal("town", 24, 15)),
    )
    stay = tuple(placed for placed in zone.objects if placed.id != f"{zone.name}.rat.1")
    walls = (zone.walls | {(2, 8)}) - {min(zone.walls)}
    return replace(zone, walls=walls, objects=(*stay, *new))


def test_what_is_saved_is_what_is_loaded_and_other_files_stay_as_they_are(path: Path) -> None:
    world = rebuilt(load_world(path), "cellar", furnished)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert save(path, world) == ["cellar.tmj"]
    assert load_world(path) == world
    after = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {"cellar.tmj"}
    whole, was = json.loads(after["cellar.tmj"]), json.loads(before["cellar.tmj"])
    assert whole["nextobjectid"] == 1_000_004
    assert (whole["layers"][0], whole["tilesets"]) == (was["layers"][0], was["tilesets"])
    assert save(path, world) == []


def packed(layer: Any) -> None:
    cells = struct.pack(f"<{len(layer['data'])}I", *layer["data"])
    layer |= {"data": base64.b64encode(zlib.compress(cells)).decode(), "encoding": "base64", "compression": "zlib"}


def spoilt(path: Path, change: Callable[[Any], None]) -> None:
    file = path.parent / "cellar.tmj"
    whole = json.loads(file.read_text())
    change(whole)
    file.write_text(json.dumps(whole))


def test_layers_that_are_packed_are_written_plainly(path: Path) -> None:
    spoilt(path, lambda whole: packed(whole["layers"][1]))
    world = rebuilt(load_world(path), "cellar", furnished)
    save(path, world)
    assert load_world(path) == world


def grouped(whole: Any) -> None:
    whole["layers"].append({"name": "all", "type": "group", "layers": [whole["layers"].pop(1)]})


def test_a_layer_into_which_nothing_can_be_written_is_named_and_nothing_is_touched(path: Path) -> None:
    spoilt(path, grouped)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(Corrupt, match="layer 'walls' stands in a group or is offset"):
        save(path, rebuilt(load_world(path), "cellar", lambda zone: replace(zone, walls=zone.walls | {(2, 8)})))
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_world_that_no_file_could_show_is_not_written(path: Path) -> None:
    before = (path.parent / "cellar.tmj").read_bytes()
    for change in (
        lambda zone: replace(zone, title="Another"),  # neither a wall nor an object
        lambda zone: replace(zone, walls=zone.walls | {(zone.objects[0].x, zone.objects[0].y)}),
    ):
        with pytest.raises(Corrupt):
            save(path, rebuilt(load_world(path), "cellar", change))
    assert (path.parent / "cellar.tmj").read_bytes() == before
