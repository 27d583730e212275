"""Declarations that stand in a file where nobody looks for them, and so would have no effect without a word."""

from collections.abc import Iterator
from typing import Any

from gameserver.declare import base, client_view, conserved, entity, hooks, packet_parts, phrases
from gameserver.declare.game_package import modules, package
from gameserver.declare.source_locations import is_within, place_of_class
from gameserver.errors import Corrupt

# What was declared, in which file of its module it stands, and the attribute that says in which it does.
STAND_IN: tuple[tuple[list[Any], str, str], ...] = (
    (base.DECLARED, "events", "__module__"),
    (entity.DECLARED, "entities", "__module__"),
    (hooks.DECLARED, "hooks", "file"),
    (client_view.DECLARED, "world_view", "file"),
    (phrases.DECLARED, "text", "file"),
    (conserved.DECLARED, "conserved", "module"),
    (packet_parts.DECLARED, "events", "module"),
)
TESTS = ("test_", "conftest")


def refuse_misplaced() -> None:
    """Raise ``Corrupt`` ``bad_declaration`` for the first declaration of the game that stands in another file."""
    for one, part in _misplaced():
        at = place_of_class(one) if isinstance(one, type) else one.at
        raise Corrupt("bad_declaration", f"{at}: this stands in a module's {part}.py, or has no effect: move it there.")


def _misplaced() -> Iterator[tuple[Any, str]]:
    ours = (package(), *modules())
    for declared, part, attribute in STAND_IN:
        for one, file in ((one, getattr(one, attribute)) for one in declared):
            if is_within(file, ours) and file.rpartition(".")[2] != part and not _is_test(file):
                yield one, part


def _is_test(file: str) -> bool:
    return any(name == "tests" or name.startswith(TESTS) for name in file.split("."))
