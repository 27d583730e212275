"""An entity of a game outside the engine is kept like the bundled ones, and its types are checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RULE = """
from msgspec.structs import replace

from gameserver.rules.needs import Needs, ids
from gameserver.rules.outcome import Context, Outcome, State, rule
from tests.pantry.items.entities import Item
from tests.pantry.items.events import Take


@rule(needs=lambda event, context: (ids(Item, event.item),))
def take(state: State, event: Take, context: Context) -> Outcome:
    item = state.of(Item)[event.item]
    return Outcome(put=(Item(id=item.id, kind=item.{field}),))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GAMESERVER_GAME": "tests.pantry", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_entity_of_another_game_is_loaded_locked_and_saved(database: str) -> None:
    other = {"sqlite": "not postgresql", "postgresql": "postgresql"}[database]
    done = run("pytest", "tests/pantry/checks.py", "-q", "-k", other, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("field", "complaint"), [("kind", ""), ("weight", 'has no attribute "weight"'), ("x", "int")])
def test_a_wrong_field_is_found_by_mypy(tmp_path: Path, field: str, complaint: str) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(RULE.format(field=field))
    done = run("mypy", "--strict", "--no-error-summary", str(rules))
    assert (done.returncode == 0) == (not complaint), done.stdout + done.stderr
    assert complaint in done.stdout
