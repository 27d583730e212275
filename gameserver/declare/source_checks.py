"""What of a game's files has no effect and raises nothing, so that only their text tells: it is named by file and line.

That is a part that nobody reads (``rules.py`` in a folder that is no module's), a field declared twice, a key given
twice: Python keeps the last one, without a word.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import gameserver
from gameserver.declare.game_package import PARTS, modules, package
from gameserver.declare.importing import imported
from gameserver.declare.source_locations import place
from gameserver.errors import Corrupt

ENGINE = Path(gameserver.__file__).parent
NOT_THE_GAMES = ("tests", "migrations", "test_", "conftest", ".", "__pycache__")


def refuse_in_sources() -> None:
    """Raise ``Corrupt`` ``bad_declaration`` for the first of these in the game's package and its modules'."""
    read = _files_read()
    for file in _own_files():
        for line, fault in _faults(file, read):
            raise Corrupt("bad_declaration", f"{place(str(file), line)}: {fault}.")


def _files_read() -> set[Path]:
    return {Path(file).resolve() for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None))}


def _own_files() -> Iterator[Path]:
    """The Python files of the game and of its modules, but for those that the engine brings, and for tests."""
    folders = {Path(imported(name).__path__[0]).resolve() for name in modules()}
    own = Path(imported(package()).__path__[0]).resolve()
    for folder in sorted({own, *(each for each in folders if not each.is_relative_to(ENGINE))}):
        for file in sorted(folder.rglob("*.py")):
            if not any(name.startswith(NOT_THE_GAMES) for name in file.relative_to(folder).parts):
                yield file


def _faults(file: Path, read: set[Path]) -> Iterator[tuple[int, str]]:
    if file.stem in PARTS and file not in read:
        yield (
            1,
            f"nobody reads this: a module has its {file.name} in its own folder, which stands in the game's package",
        )
    try:
        nodes = [*ast.walk(ast.parse(file.read_bytes()))]
    except (SyntaxError, ValueError):  # nobody imported it, or it was named already
        return
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from _twice(_fields(node), "is declared twice")
        elif isinstance(node, ast.Dict):
            yield from _twice(
                [(key.lineno, key.value) for key in node.keys if isinstance(key, ast.Constant)], "is a key twice"
            )


def _fields(node: ast.ClassDef) -> list[tuple[int, object]]:
    """The fields that the body of a class declares, with their lines."""
    given = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    return [(each.lineno, each.target.id) for each in given if isinstance(each.target, ast.Name)]


def _twice(names: Sequence[tuple[int, object]], fault: str) -> Iterator[tuple[int, str]]:
    known: set[object] = set()
    for line, name in names:
        if name in known:
            yield line, f"{name} {fault}, and the last one counts"
        known.add(name)
