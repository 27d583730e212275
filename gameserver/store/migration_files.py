"""What of a migration's file Alembic would only say of the whole folder, or by an exception: named by file and line."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gameserver.declare.source_locations import place_of_value
from gameserver.errors import Corrupt

UNREADABLE = object()  # a value that is computed


def refuse_malformed(folders: Iterable[Path]) -> None:
    """Raise ``Corrupt`` ``bad_migration`` for the first file whose revision, or the one before it, cannot be."""
    files = {file: _said(file) for folder in folders for file in sorted(folder.glob("*.py"))}
    first: dict[str, Path] = {}
    for file, said in files.items():
        if isinstance(said.get("revision"), str):
            first.setdefault(said["revision"], file)
    for file, said in files.items():
        for name, fault in _faults(file, said, first):
            raise Corrupt("bad_migration", f"{place_of_value(file, name)}: {fault}.")


def _faults(file: Path, said: dict[str, Any], first: dict[str, Path]) -> Iterator[tuple[str, str]]:
    if not said:  # it cannot be read: importing it says why
        return
    revision, before = said.get("revision"), said.get("down_revision")
    if isinstance(revision, str) and first[revision] != file:
        yield "revision", f"{place_of_value(first[revision], 'revision')} has the revision {revision!r} already"
    elif revision is not UNREADABLE and not (isinstance(revision, str) and revision):
        yield "revision", f'a migration has its name as text: revision = "{file.stem}"'
    for name in before if isinstance(before, tuple | list) else (before,):
        if name is UNREADABLE or name is None:
            continue
        if not isinstance(name, str):
            yield "down_revision", "a migration names the one before it as text, and the first one None"
        elif name not in first:
            yield "down_revision", f"there is no migration {name!r} that it could follow"
    if "upgrade" not in said:
        yield "revision", "a migration has a function upgrade(), which makes the change"


def _said(file: Path) -> dict[str, Any]:
    """The names that a file gives to values and functions."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return {}
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    values = {
        target.id: _value(node.value)
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return {"": None, **functions, **values}


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNREADABLE
