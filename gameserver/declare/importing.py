"""Importing what a game is made of: whatever goes wrong in it is one sentence that names file and line.

A game's code runs while it is imported, so anything may happen in it: an exception of any kind, ``sys.exit()`` or
``os._exit()``, a loop without an end. None of that is more than a module that does not import.
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

from gameserver.declare.source_locations import place
from gameserver.errors import Corrupt, GameError

IMPORT_S_MAX = 120.0  # much more than it takes: a busy machine may be slow
TEXT_CHARS_MAX = 500


def exists(module: str) -> bool:
    """Whether there is a module of this name. Raises ``Corrupt`` where a package that it stands in does not import."""
    parent, _, name = module.rpartition(".")
    if not name or ("." in module and not (exists(parent) and is_package(parent))):
        return False
    return find_spec(module) is not None


def is_package(module: str) -> bool:
    """Whether a module has others within it. Raises the same."""
    return hasattr(imported(module), "__path__")


def imported(module: str) -> ModuleType:
    """Import a module of a game. Raises ``Corrupt`` ``bad_module`` with the place where that went wrong."""
    try:
        with _bounded():
            return import_module(module)
    except Corrupt:
        raise
    except BaseException as error:
        raise Corrupt("bad_module", f"{_place_of(error, module)}: {said_by(error)}.") from error


@contextmanager
def faults_named(code: str, folders: Iterable[Path], otherwise: str) -> Iterator[None]:
    """Raise ``Corrupt`` with the last place in these folders where something went wrong in the block.

    ``otherwise``: what is named where it went wrong elsewhere, "" for that place.
    """
    try:
        with _bounded():
            yield
    except GameError:
        raise
    except BaseException as error:
        at = _syntax(error) or _last_in(folders, error) or otherwise or _last(error)
        raise Corrupt(code, f"{at}: {said_by(error)}.") from error


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise, where the code is, in what does not come to its end or ends the process without a word."""
    with _exits_raised(), _within_time():
        yield


@contextmanager
def _exits_raised() -> Iterator[None]:
    """Raise ``SystemExit`` from ``os._exit``, which else ends a process as if all were well. Forks may end so."""
    end, reader = os._exit, os.getpid()

    def raise_instead(status: int) -> NoReturn:
        if os.getpid() != reader:
            end(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = raise_instead
    try:
        yield
    finally:
        os._exit = end


@contextmanager
def _within_time() -> Iterator[None]:
    """Raise ``TimeoutError``, where the code is, in what does not come to its end. Only the main thread can."""
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if threading.current_thread() is not threading.main_thread() or 0 < left_s <= IMPORT_S_MAX:
        yield
        return
    began_s, before = time.monotonic(), signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, IMPORT_S_MAX)
    try:
        yield
    finally:
        spent_s = time.monotonic() - began_s
        signal.setitimer(signal.ITIMER_REAL, max(left_s - spent_s, 0.001) if left_s else 0)
        signal.signal(signal.SIGALRM, before)


def _end(_: int, __: FrameType | None) -> NoReturn:
    raise TimeoutError(f"it does not come to its end within {IMPORT_S_MAX:g} s while it is imported")


def _place_of(error: BaseException, module: str) -> str:
    """Find the last line that was being imported of the package's own files, or else where the error was raised."""
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if step.name == "<module>" and _is_of(step.filename, module)]
    return _syntax(error) or (_at(own[-1]) if own else _origin(module) or _last(error))


def _syntax(error: BaseException) -> str:
    """The place of an error of syntax; "" for another error."""
    return place(error.filename, error.lineno or 1) if isinstance(error, SyntaxError) and error.filename else ""


def _origin(module: str) -> str:
    found = find_spec(module)
    return place(found.origin, 1) if found and found.origin else ""


def _last_in(folders: Iterable[Path], error: BaseException) -> str:
    within = tuple(map(str, folders))
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename.startswith(within)]
    return _at(steps[-1]) if within and steps else ""


def _last(error: BaseException) -> str:
    return _at(traceback.extract_tb(error.__traceback__)[-1])


def _at(step: traceback.FrameSummary) -> str:
    return place(step.filename, step.lineno or 1)


def _is_of(file: str, module: str) -> bool:
    """Whether a file is one of the package in which a module stands at the top."""
    found = find_spec(module.partition(".")[0])
    folders = (found.submodule_search_locations if found else None) or ()
    return any(Path(file).is_relative_to(folder) for folder in folders)


def said_by(error: BaseException) -> str:
    """Say in one line what an error is and says, without a full stop."""
    said = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {said[:TEXT_CHARS_MAX].rstrip('.')}".removesuffix(": ")
