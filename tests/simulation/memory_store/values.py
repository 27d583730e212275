"""Values that neither database takes."""

from functools import cache

import msgspec

from gameserver.declare.entity import Entity
from gameserver.errors import Corrupt

INT_MAX = 2**63 - 1


def wrong_value(thing: Entity) -> str:
    """Which of a thing's values neither database takes, "" for none."""
    for name, wanted in _types(type(thing)):
        value = getattr(thing, name)
        if type(value) is not wanted or (wanted is int and not -INT_MAX <= value <= INT_MAX):
            return f"{type(thing).__name__}.{name} takes no {value!r:.20}"
        if wanted is str and "\0" in value:
            return f"{type(thing).__name__}.{name} takes no character 0"
    return ""


@cache
def _types(kind: type[Entity]) -> list[tuple[str, type]]:
    return [(field.name, field.type) for field in msgspec.structs.fields(kind)]


def bad_data(fault: str) -> Exception:
    """What the real store raises for a value that is not taken."""
    return Corrupt("bad_data", fault)
