"""Where something stands in a game's code, so that whoever wrote it finds it: a file and a line."""

import ast
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


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


def place_of_value(file: str | Path, name: str, part: str = "") -> str:
    """Return where a file gives a name its value, or line 1 where it is not seen to.

    ``part``: a text or a keyword within the value, whose line it is where it is written out there.
    """
    given = [node for node in _parsed(Path(file)) if name in _names_given(node)]
    within: list[Any] = [node for statement in given for node in ast.walk(statement) if part and _is_part(node, part)]
    lines = [node.lineno for node in (*within, *given)]
    return place(str(file), lines[0] if lines else 1)


def gives_value(file: Path, name: str) -> bool:
    """Whether a file gives a name its value."""
    return any(name in _names_given(node) for node in _parsed(file))


def _parsed(file: Path) -> list[ast.stmt]:
    try:
        return ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []


def _names_given(node: ast.stmt) -> list[str]:
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_part(node: Any, part: str) -> bool:
    return (isinstance(node, ast.Constant) and node.value == part) or (
        isinstance(node, ast.keyword) and node.arg == part
    )


def file_of(module: ModuleType) -> str:
    """The file of a module, or that in which a package without one would have its names."""
    return module.__file__ or str(Path(next(iter(module.__path__))) / "__init__.py")


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these packages, or stands in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)
