"""Events of modules that keep their samples beside their own tests (``tests/samples.py`` in the module's folder).

``PLAYED``: what players send, by name, made of a number that tells one from another; ``TENDED``: what the server sends
itself; ``BORN``: what is born of others. ``THINGS``: rows among which they find something to do.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gameserver.declare.base import Event
from gameserver.declare.entity import Entity
from gameserver.declare.game_package import modules

Make = Callable[[int], Event]


def _found() -> list[Any]:
    return [import_module(name) for module in modules() if _is_there(name := f"{module}.tests.samples")]


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _all(name: str) -> dict[str, Make]:
    return {event: make for module in _found() for event, make in getattr(module, name, {}).items()}


PLAYED: dict[str, Make] = _all("PLAYED")
TENDED: dict[str, Make] = _all("TENDED")
BORN: dict[str, Make] = _all("BORN")
THINGS: list[Entity] = [thing for module in _found() for thing in getattr(module, "THINGS", ())]
SAMPLES: dict[str, Event] = {name: make(0) for name, make in {**PLAYED, **TENDED, **BORN}.items()}
# One event of each module: what a whole catalogue goes through for hours shows nothing more with every event.
FEW: frozenset[str] = frozenset(
    name for module in _found() for name in [*list(module.PLAYED)[:1], *list(getattr(module, "BORN", ()))[:1]]
)
