"""The map in tests/README.md: every promise has tests, and every test that is named exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAP = (ROOT / "tests" / "README.md").read_text().split("\n## The map")[1]
SECTIONS = {head.split()[0]: body for head, body in re.findall(r"^### (.+)$((?:\n(?!### ).*)*)", MAP, re.MULTILINE)}
PROMISES = [f"P{n}" for n in range(1, 16)]


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_promise_has_its_section() -> None:
    assert list(SECTIONS) == PROMISES


@pytest.mark.parametrize("promise", PROMISES)
def test_every_test_that_is_named_exists(promise: str) -> None:
    named = re.findall(r"^- `(\S+)::(\w+)`$", SECTIONS[promise], re.MULTILINE)
    assert named, "no test holds this promise"
    assert len(named) == SECTIONS[promise].count("\n- "), "a line that names no test"
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []
