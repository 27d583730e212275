"""Import the engine and the game anew within a running process: for ``gameserver dev``.

Modules that were imported before stay whole and go on working with each other, so what was made of them serves until
something made of the new ones takes its place. It takes a tenth of a second: other packages stay as they are.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gameserver.declare.game_package import modules, package
from gameserver.declare.places import is_within

ENGINE = "gameserver"


@contextmanager
def imported_anew(more: Iterable[str] = ()) -> Iterator[None]:
    """Let what is imported within the block be made of the files as they are now.

    ``more``: modules of other packages that are made of the engine. Where the block raises, the old ones come back.
    """
    ours = (ENGINE, package(), *modules(), *more)
    old = {name: module for name, module in sys.modules.items() if is_within(name, ours)}
    _take_out(old)
    importlib.invalidate_caches()
    try:
        yield
    except BaseException:
        _take_out([name for name in sys.modules if is_within(name, ours)])
        sys.modules.update(old)
        raise


def _take_out(names: Iterable[str]) -> None:
    for name in names:
        del sys.modules[name]
