"""Exchange the rules of a running process for what their files say now: for ``gameserver dev``.

Rules and hooks are pure functions, so they may be exchanged between two events. What declares (events, entities,
objects on maps) and packages stay as they were when the process began: queues, tables and codecs were made of them.
"""

import importlib
import sys
from pathlib import Path

from gameserver.declare import hooks
from gameserver.declare.game_package import modules, package
from gameserver.rules.book import rules

DECLARING = frozenset({"events", "entities", "maps", "conserved", "__init__"})
TESTS = ("test_", "conftest")


def is_exchangeable(file: Path) -> bool:
    """Whether what a file of the game says can count without a restart."""
    return file.suffix == ".py" and file.stem not in DECLARING


def is_test(file: Path) -> bool:
    """Whether no process of the server has anything to do with a file."""
    return file.name.startswith(TESTS) or "tests" in file.parts


def reload_rules() -> None:
    """Read rules, hooks and what they import of the game's code anew; holders of ``rules()`` see the new ones.

    Raises ``Corrupt`` as ``rules`` does, and then the old ones go on.
    """
    old = {name: module for name, module in sys.modules.items() if _is_exchanged(name)}
    declared = list(hooks.DECLARED)
    for name in old:
        del sys.modules[name]
    hooks.DECLARED[:] = [hook for hook in declared if hook.function.__module__ not in old]
    importlib.invalidate_caches()
    hooks.hooks.cache_clear()
    try:
        fresh = rules.__wrapped__()
    except BaseException:
        sys.modules.update(old)
        hooks.DECLARED[:] = declared
        hooks.hooks.cache_clear()
        raise
    held = rules()
    held.clear()
    held.update(fresh)


def _is_exchanged(name: str) -> bool:
    """Whether a module is part of the game, or of a module that it takes, and declares nothing."""
    module = sys.modules[name]
    inside = any(name.startswith(f"{each}.") for each in (package(), *modules()))
    return inside and not hasattr(module, "__path__") and name.rpartition(".")[2] not in DECLARING
