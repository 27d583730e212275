"""Every command of docs/operating.md is run by a test, or it is said why not."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.unit.docs.runbook import REGISTRY, Not, Ran, command, commands

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operating.md").read_text()


def test_every_command_of_the_runbook_is_accounted_for_and_no_other() -> None:
    found = set(commands(TEXT))
    assert found - set(REGISTRY) == set(), (
        "name the test that runs these in tests/unit/docs/runbook.py, or say why none"
    )
    assert set(REGISTRY) - found == set(), "these stand no longer in docs/operating.md"


@cache
def functions_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("line", REGISTRY)
def test_the_test_that_is_named_exists(line: str) -> None:
    entry = REGISTRY[line]
    if isinstance(entry, Not):
        assert len(entry.why.split()) > 3
        return
    assert isinstance(entry, Ran)
    file, _, name = entry.test.partition("::")
    assert name in functions_of(ROOT / file)


def test_a_command_is_told_from_its_comment_its_settings_and_other_text() -> None:
    assert command("celery -A tasks inspect ping    # who is there") == "celery -A tasks inspect ping"
    assert command("FLOWER_BASIC_AUTH=a:b celery -A tasks flower") == "celery -A tasks flower"
    assert command("gameserver tail      all of it") == "gameserver tail"
    assert command("gateway-a1b2.RWx1:2  chat.say of ada") == command("gameserver_events_total") == ""
    block = "```\ngameserver status\n```\n| x | `kill -9 1` | `no command` |\nand `df -h` in a sentence\n"
    assert list(commands(block)) == ["gameserver status", "kill -9 1"]
