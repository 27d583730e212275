"""Finds in the source every code that a client can be told, by reading the calls that make them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gameserver.wire.states import REFUSALS
from gateway.connections.writer import CLOSING

ROOT = Path(__file__).parents[3]
SOURCES = (
    "gameserver/processing/batch_transaction.py",
    "gameserver/security/sealing.py",
    "gameserver/rules",
    "gameserver/modules",
    "gameserver/games",
    "gameserver/wire",
    "gateway",
)
ERRORS = {"Rejected", "NotNow", "PacketFault", "Error", "_refuse", "_refuse_all", "refuse", "refuse_all", "refused"}
FAREWELLS = {"WireFault", "Bye", "SessionUpdate", "close"}
CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def error_codes() -> set[str]:
    """The codes of all errors."""
    return _told_by(ERRORS) | {code for code, _ in REFUSALS.values()}


def farewell_codes() -> set[str]:
    """The codes of all farewells."""
    return _told_by(FAREWELLS) | set(CLOSING)


def _told_by(names: set[str]) -> set[str]:
    return {code for path in _files() for code in codes_in(path.read_text(), names)}


def _files() -> Iterator[Path]:
    for source in SOURCES:
        path = ROOT / source
        yield from [path] if path.is_file() else path.rglob("*.py")


def codes_in(source: str, names: set[str]) -> Iterator[str]:
    """The first text that looks like a code, in each call of one of these names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) in names:
            named = [k.value for k in node.keywords if k.arg in ("code", "close")]
            texts = [a.value for a in (*node.args, *named) if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from [text for text in texts if CODE.fullmatch(text)][:1]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
