"""Writes maps anew where a world differs from what its files show: walls and objects, in the files of Tiled.

The files are changed as little as that takes: what only the eye sees stays as it was drawn.
"""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from gameserver.errors import Corrupt
from gameserver.maps import tiled
from gameserver.maps.objects import Placed, World, Zone, label_of
from gameserver.maps.world import load_world

TYPES = {str: "string", int: "int", bool: "bool", float: "float"}


def save(path: Path, world: World) -> list[str]:
    """Bring a ``.world`` file's maps to how a world is. Returns the names of the files that were written.

    All are written beside the old ones first, and loaded: only what shows exactly this world takes their place. Raises
    ``Corrupt`` ``bad_world``, and then no file was touched.
    """
    drawn = load_world(path)
    files = {file.stem: file for one in tiled.read_world(path).maps if (file := path.parent / one.file_name)}
    changed = [name for name, zone in sorted(world.drawn.items()) if zone != drawn.drawn.get(name)]
    texts = {files[name]: _redrawn(files[name], drawn.drawn[name], world.drawn[name]) for name in changed}
    _check(path, world, texts)
    for file, text in texts.items():
        beside = file.with_suffix(".tmj.new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    return [file.name for file in texts]


def _check(path: Path, world: World, texts: dict[Path, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copy(path, copy)
        for one in tiled.read_world(path).maps:
            file = path.parent / one.file_name
            there = copy.parent / one.file_name
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(texts.get(file) or file.read_text(encoding="utf-8"), encoding="utf-8")
        if load_world(copy) != world:
            raise Corrupt("bad_world", f"{path}: what would be written does not show what is built; nothing was.")


def _redrawn(file: Path, before: Zone, after: Zone) -> str:
    whole: Any = json.loads(file.read_text(encoding="utf-8"))
    _set_walls(file, whole, before, after)
    _set_objects(file, whole, before, after)
    return _as_tiled_writes(whole)


def _layer(file: Path, whole: Any, name: str) -> Any:
    found = [layer for layer in whole["layers"] if layer["name"] == name]
    if len(found) != 1 or any(found[0].get(key) for key in ("x", "y", "offsetx", "offsety")):
        tiled.fault(file, f"layer {name!r} stands in a group or is offset; put it at 0, 0 on its own to save into it")
    return found[0]


def _set_walls(file: Path, whole: Any, before: Zone, after: Zone) -> None:
    if before.walls == after.walls:
        return
    cells = tiled.gids(file, tiled.read_map(file), "walls")
    usual = Counter(gid for gid in cells if gid).most_common(1)
    for x, y in before.walls ^ after.walls:
        cells[y * after.width + x] = (usual[0][0] if usual else 1) if (x, y) in after.walls else 0
    layer = _layer(file, whole, "walls")
    layer["data"] = cells
    for key in ("encoding", "compression"):
        layer.pop(key, None)


def _set_objects(file: Path, whole: Any, before: Zone, after: Zone) -> None:
    if before.objects == after.objects:
        return
    layer = _layer(file, whole, "objects")
    stay = {_number(placed) for placed in after.objects if placed in before.objects}
    kept = [one for one in layer["objects"] if one["id"] in stay]
    new = [_as_object(placed, whole) for placed in after.objects if placed not in before.objects]
    layer["objects"] = sorted([*kept, *new], key=lambda one: one["id"])
    whole["nextobjectid"] = max([whole.get("nextobjectid", 1), *(one["id"] + 1 for one in new)])


def _number(placed: Placed) -> int:
    return int(placed.id.rpartition(".")[2])


def _as_object(placed: Placed, whole: Any) -> dict[str, Any]:
    width, height = whole["tilewidth"], whole["tileheight"]
    made = {"id": _number(placed), "name": placed.what.called(), "type": label_of(type(placed.what))}
    made |= {"x": placed.x * width, "y": placed.y * height, "width": width, "height": height}
    made |= {"rotation": 0, "visible": True}
    said = sorted(msgspec.structs.asdict(placed.what).items())
    properties = [{"name": name, "type": TYPES[type(value)], "value": value} for name, value in said]
    return made | ({"properties": properties} if properties else {})


def _as_tiled_writes(whole: Any) -> str:
    """A line for each thing, so that changes of maps can be read."""
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
