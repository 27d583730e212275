"""What gateways and workers keep is listed in docs/architecture.md with its bound."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.broker.topology import PLAIN, topology
from gameserver.limits import Limits

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "architecture.md").read_text().split("\n## Bounds of queues and memory\n")[1].split("\n## ")[0]
GROWING = {"dict", "list", "set", "deque", "defaultdict"}


def keeps(file: Path) -> Iterator[str]:
    """The attributes of a module's classes that are made as something that grows."""
    for node in ast.walk(ast.parse(file.read_text())):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        called = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in GROWING
        if called or isinstance(value, ast.Dict | ast.List | ast.Set):
            yield from (
                t.attr
                for t in targets
                if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == "self"
            )


@pytest.mark.parametrize("folder", ["gateway", "tasks"])
def test_every_module_that_keeps_something_is_listed(folder: str) -> None:
    modules = {file.name for file in (ROOT / folder).rglob("*.py") if list(keeps(file))}
    assert modules, folder
    assert {name for name in modules if f"`{name}`" not in TEXT} == set()


def test_every_queue_that_is_no_familys_is_listed() -> None:
    plan = topology(Limits(), PLAIN)
    others = {queue.name for queue in plan.queues if queue.exchange != "events"}
    assert {name for name in others if f"`{name}`" not in TEXT} == set()


def test_every_limit_that_is_named_exists() -> None:
    words = {word.strip("`") for word in TEXT.split() if word.startswith("`") and "_max`" in word}
    assert {word.split("`")[0] for word in words} <= set(Limits.__struct_fields__)
