"""A deployment for the tests of one module, and worlds drawn for one test.

Deployments for single tests, and living ones, are fixtures of the engine's own plugin (``gameserver.testing.plugin``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gameserver.declare import catalogue
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment

ROOT = Path(__file__).parent.parent
FAMILIES = tuple(catalogue.families())


@pytest.fixture(scope="module")
def module_deployment(module_vhost: Vhost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give a deployment without processes, for the tests of one module."""
    with a_deployment(module_vhost.url, tmp_path_factory.mktemp("server")) as made:
        yield made


def write_world(folder: Path, *rows: str, safe: bool = False, name: str = "arena") -> Path:
    """Draw a world of one zone: ``#`` wall, ``s`` spawn, ``r`` rat, ``S`` store, ``B`` bank, ``C`` chest, ``M`` market.

    ``l`` is a slime, which strikes first and lives for several strikes, ``W`` a bench to work at, ``p`` Reeve Tobias,
    anything else floor. Gives the path of its file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    width, height = len(rows[0]), len(rows)
    drawn = [(x, y, row[x]) for y, row in enumerate(rows) for x in range(width)]
    objects = [
        {"id": n, "x": x * 16, "y": y * 16, "width": 16, "height": 16, **_OBJECTS[char]}
        for n, (x, y, char) in enumerate(drawn, start=1)
        if char in _OBJECTS
    ]
    said = {"title": name, "start": True, **({"safe": True} if safe else {})}  # without combat no zone is "safe"
    tiles = {"type": "tilelayer", "width": width, "height": height}
    a_map = {
        "width": width,
        "height": height,
        "tilewidth": 16,
        "tileheight": 16,
        "properties": [{"name": key, "value": value} for key, value in said.items()],
        "layers": [
            {**tiles, "name": "ground", "data": [1] * len(drawn)},
            {**tiles, "name": "walls", "data": [int(char == "#") for _, _, char in drawn]},
            {"type": "objectgroup", "name": "objects", "objects": objects},
        ],
    }
    (folder / f"{name}.tmj").write_bytes(msgspec.json.encode(a_map))
    (folder / "test.world").write_bytes(msgspec.json.encode({"maps": [{"fileName": f"{name}.tmj"}]}))
    return folder / "test.world"


_OBJECTS: dict[str, dict[str, Any]] = {
    "s": {"type": "spawn"},
    "r": {"type": "creature", "properties": [{"name": "kind", "value": "rat"}]},
    "l": {"type": "creature", "properties": [{"name": "kind", "value": "slime"}]},
    "p": {"type": "person", "properties": [{"name": "person", "value": "reeve"}]},
    "S": {"type": "shop", "properties": [{"name": "shop", "value": "store"}]},
    "B": {"type": "counter"},
    "C": {"type": "chest"},
    "M": {"type": "stall"},
    "W": {"type": "workshop", "properties": [{"name": "kind", "value": "bench"}]},
}
