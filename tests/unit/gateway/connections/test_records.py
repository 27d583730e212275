"""What is known of a connection and of a lane is changed by their own methods, so that each invariant has one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.connections.connection import Connection
from gateway.connections.lanes import Lane
from gateway.connections.outgoing import Outgoing
from gateway.connections.rejoin import Rejoin

GATEWAY = Path(__file__).parents[4] / "gateway"


def set_from_outside(source: str, fields: set[str]) -> Iterator[str]:
    """The fields of these names that are set on anything but ``self``."""
    for node in ast.walk(ast.parse(source)):
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in fields
        if stored and ast.unparse(node.value) != "self":
            yield ast.unparse(node)


@pytest.mark.parametrize("record", [Connection, Outgoing, Lane, Rejoin])
def test_nobody_else_sets_its_fields(record: type) -> None:
    fields = set(record.__slots__)  # type: ignore[attr-defined]
    found = {path.name: list(set_from_outside(path.read_text(), fields)) for path in GATEWAY.rglob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}


def test_what_is_set_from_outside_is_found() -> None:
    source = "connection.gone = True\nself.gone = True\na.player, b = 1, connection.gone\nlane.due_s += 1\n"
    assert list(set_from_outside(source, {"gone", "player"})) == ["connection.gone", "a.player"]
