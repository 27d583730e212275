"""What a game outside this repository has for its tests: all that the bundled modules' tests use."""

import ast
from pathlib import Path
from types import FunctionType

from gameserver.modules.combat.events import Attack
from gameserver.testing import scenes, two_zones
from gameserver.testing.two_zones import circumstances, creature, play, player, put, state

ROOT = Path(__file__).parents[3]


def imports(file: Path) -> set[str]:
    found = ast.walk(ast.parse(file.read_text()))
    return {node.module or "" for node in found if isinstance(node, ast.ImportFrom)}


def test_nothing_of_the_engine_and_no_test_of_its_modules_imports_this_repositorys_tests() -> None:
    files = [file for room in ("gameserver", "gateway", "tasks") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    found = {str(file.relative_to(ROOT)): imports(file) for file in files}
    assert {file for file, names in found.items() if any(name.split(".")[0] == "tests" for name in names)} == set()


def test_two_zones_have_all_that_scenes_have() -> None:
    public = {
        name
        for name, value in vars(scenes).items()
        if isinstance(value, FunctionType | type) and value.__module__ == scenes.__name__ and not name.startswith("_")
    }
    assert {"circumstances", "play", "told"} < public
    assert public - vars(two_zones).keys() == set()


def test_a_blow_reaches_the_neighbouring_tile() -> None:
    ada, rat = player(), creature(x=13, y=10)
    outcome = play(Attack(target=rat.id), state(ada, rat), circumstances(ada))
    assert put(outcome, rat.id).hp < rat.hp
