"""Objects that a game's own modules put on its maps, beside the engine's spawns, portals and creatures.

A module declares them in its part ``maps``: a class is a class of objects in Tiled, its fields are the object's custom
properties. The map loader reads and checks them like its own.
"""

from collections.abc import Mapping
from functools import cache

import msgspec

from gameserver.declare.game_package import parts
from gameserver.declare.source_locations import place_of_class
from gameserver.errors import Corrupt

RESERVED = ("spawn", "portal", "creature")  # the engine's own


class MapObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a module lets mappers draw. The class's name in small letters is the object's class in Tiled."""

    def problem(self) -> str:
        """Say what is wrong with it beyond its fields' types, as the end of a sentence; "" where nothing is.

        The loader reports it with the file and the object: ``is of unknown kind 'spoon'``.
        """
        return ""


class Placed(msgspec.Struct, frozen=True):
    """An object on a map. ``id`` is unique in the world ("meadow.chest.7") and stays; ``what``: its properties."""

    id: str
    x: int
    y: int
    what: MapObject


@cache
def object_classes() -> Mapping[str, type[MapObject]]:
    """The classes of objects that the game's modules declare, by their names in Tiled.

    Raises ``Corrupt`` ``bad_declaration`` where two have one name, or one that the engine has.
    """
    found: dict[str, type[MapObject]] = {}
    for module in parts("maps"):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, MapObject) and value.__module__ == module.__name__:
                _add(found, value)
    return found


def _add(found: dict[str, type[MapObject]], cls: type[MapObject]) -> None:
    name = cls.__name__.lower()
    if name in RESERVED:
        raise Corrupt("bad_declaration", f"{place_of_class(cls)}: the engine has objects of class {name}; rename it.")
    if name in found:
        raise Corrupt(
            "bad_declaration",
            f"Two classes of map objects have the name {name}: {place_of_class(found[name])} and "
            f"{place_of_class(cls)}; rename one.",
        )
    found[name] = cls
