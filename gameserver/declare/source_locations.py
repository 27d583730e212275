"""Where something stands in a game's code, so that whoever wrote it finds it: a file and a line."""

import inspect
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType

from gameserver.errors import Corrupt


def place(file: str, line: int) -> str:
    """Write down a place, with a path that is short where the file lies below the working directory."""
    path, here = Path(file), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line}"


def caller() -> str:
    """The place that called the function which asks."""
    frame = sys._getframe(2)
    return place(frame.f_code.co_filename, frame.f_lineno)


def place_of(code: CodeType) -> str:
    """The place where a function begins, its decorators included."""
    return place(code.co_filename, code.co_firstlineno)


def place_of_class(cls: type) -> str:
    """The place where a class begins, as far as its source is there."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__
    try:
        return place(file, inspect.getsourcelines(cls)[1])
    except (OSError, TypeError):
        return place(file, 1)


def exists(module: str) -> bool:
    """Whether there is a module of this name, in a package that there is."""
    return find_spec(module) is not None


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these packages, or stands in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def imported(module: str) -> ModuleType:
    """Import a module of declarations or rules. Raises ``Corrupt`` with the place where that went wrong."""
    try:
        return import_module(module)
    except Corrupt:
        raise
    except Exception as error:
        raise Corrupt("bad_module", f"{_place_of(error, module)}: {type(error).__name__}: {_text(error)}.") from error


def _place_of(error: Exception, module: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return place(error.filename, error.lineno or 0)
    found = find_spec(module)
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if found and step.filename == found.origin]
    step = (own or list(steps))[-1]
    return place(step.filename, step.lineno or 0)


def _text(error: Exception) -> str:
    return (error.msg if isinstance(error, SyntaxError) else str(error)).rstrip(".")
