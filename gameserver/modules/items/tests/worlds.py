"""Things for the tests of modules that move things."""

from typing import Any

from gameserver.modules.items.entities import Item
from gameserver.modules.items.ground import LIES_MS
from gameserver.modules.items.kinds import kind_of
from gameserver.testing.two_zones import NOW_MS


def thing(id_: str, kind: str = "short_sword", holder: str = "ada", **more: Any) -> Item:
    """A thing that Ada carries; of a kind that stacks, one piece."""
    return Item(id=id_, kind=kind, holder=holder, **{"count": int(kind_of(kind).stacks), **more})


def on_ground(id_: str, kind: str = "short_sword", x: int = 12, y: int = 11, **more: Any) -> Item:
    """A thing that lies in the meadow, beside those who stand there in tests."""
    return thing(id_, kind, "", **{"zone": "meadow", "x": x, "y": y, "lies_until_ms": NOW_MS + LIES_MS, **more})
