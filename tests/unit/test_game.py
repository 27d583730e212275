"""The public edge: every name is there, documented, and enough for a game."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from gameserver import game

SOURCE = ast.parse(Path(game.__file__).read_text())


@pytest.mark.parametrize("name", game.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(game, name)
    documented = inspect.isfunction(found) or inspect.isclass(found)
    assert not documented or inspect.getdoc(found), "a docstring"
    assert getattr(found, "__module__", "").partition(".")[0] in ("gameserver", "typing", "builtins", "types", "")


def test_types_and_values_come_from_the_same_homes() -> None:
    """What mypy reads (the imports under TYPE_CHECKING) is what a program gets."""
    (checked,) = (node for node in SOURCE.body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.name: node.module for node in imports for alias in node.names}
    assert typed == game._HOMES
    assert sorted(typed) == sorted(game.__all__) == dir(game)


def test_what_is_private_is_named_in_the_error() -> None:
    with pytest.raises(AttributeError, match="no Applier: it is not public"):
        _ = game.Applier


def test_a_games_package_may_import_it_first(tmp_path: Path) -> None:
    """The engine reads a game's package while it is imported; that must not go round in a circle."""
    package = tmp_path / "outside"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from gameserver.game import Game\n"
        "from gameserver.games.millbrook import GAME as OTHER\n"
        "GAME = Game(modules=OTHER.modules, world=OTHER.world, data=OTHER.data)\n"
    )
    program = (
        "import outside; from gameserver.game import State, near; from gameserver.rules.book import rules; rules()"
    )
    environ = {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}", "GAMESERVER_GAME": "outside"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
