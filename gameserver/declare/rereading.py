"""Read the declarations of a game's events anew in a running gateway: for ``gameserver dev``.

Events, notices and results that were made before keep their classes; what is looked up by name from then on is new.
"""

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from gameserver.declare import base, catalogue, client_view, entity, hooks, phrases
from gameserver.declare.game_package import modules, package
from gameserver.declare.once_per_reading import forget
from gameserver.declare.phrasebook import phrasebook
from gameserver.declare.source_locations import is_within

DECLARED: tuple[tuple[list[Any], str], ...] = (
    (base.DECLARED, "__module__"),
    (entity.DECLARED, "__module__"),
    (hooks.DECLARED, "file"),
    (client_view.DECLARED, "file"),
    (phrases.DECLARED, "file"),
)


def read_anew() -> None:
    """Take what the files of the game's events say now. Raises what reading them raises; then all is as before."""
    ours = (package(), *modules())
    old = _loaded(ours)
    declared = [(each, list(each)) for each, _ in DECLARED]
    _take_out(old)
    try:
        catalogue.specs()
        phrasebook()
    except BaseException:
        _take_out(_loaded(ours))
        _put_back(old, declared)
        raise


def _loaded(ours: Iterable[str]) -> dict[str, ModuleType]:
    found = [name for name in sys.modules if is_within(name, ours)]
    return {name: sys.modules[name] for name in found}


def _take_out(old: Mapping[str, ModuleType]) -> None:
    for name in old:
        del sys.modules[name]
    for each, attribute in DECLARED:
        each[:] = [one for one in each if getattr(one, attribute) not in old]
    importlib.invalidate_caches()
    forget()


def _put_back(old: Mapping[str, ModuleType], declared: Iterable[tuple[list[Any], list[Any]]]) -> None:
    sys.modules.update(old)
    for each, before in declared:
        each[:] = before
