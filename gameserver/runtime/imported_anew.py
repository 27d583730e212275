"""Import the engine and the game anew within a running process: for ``gameserver dev``.

Modules that were imported before stay whole and go on working with each other, so what was made of them serves until
something made of the new ones takes its place. It takes a tenth of a second: other packages stay as they are.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

from gameserver.declare.game_package import modules, package
from gameserver.declare.source_locations import is_within

ENGINE = "gameserver"
SAME_SECOND_S = 2.0  # bytecode that was made so long after a file's last change is of that change


@contextmanager
def imported_anew(more: Iterable[str] = ()) -> Iterator[None]:
    """Let what is imported within the block be made of the files as they are now.

    ``more``: modules of other packages that are made of the engine. Where the block raises, the old ones come back.
    """
    ours = (ENGINE, package(), *modules(), *more)
    old = {name: module for name, module in sys.modules.items() if is_within(name, ours)}
    _take_out(old)
    _forget_bytecode(old.values())
    importlib.invalidate_caches()
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    except BaseException:
        _take_out([name for name in sys.modules if is_within(name, ours)])
        sys.modules.update(old)
        raise
    finally:
        sys.dont_write_bytecode = writes_none


def _forget_bytecode(modules: Iterable[ModuleType]) -> None:
    """Remove the bytecode of files that were saved since it was made, in the same second too.

    Python takes bytecode for that of a file if the second of the file's last change and its size are the same: of one
    that is saved twice within a second it would be the older one's, for ever.
    """
    for module in modules:
        with suppress(OSError, TypeError):  # a module without a file, or whose file is gone
            source = Path(module.__file__ or "")
            bytecode = Path(cache_from_source(str(source)))
            if source.stat().st_mtime > bytecode.stat().st_mtime - SAME_SECOND_S:
                bytecode.unlink()


def _take_out(names: Iterable[str]) -> None:
    for name in names:
        del sys.modules[name]
