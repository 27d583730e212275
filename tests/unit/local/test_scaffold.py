"""The game that ``gameserver new`` writes passes its tests, types and linters, and its state stays in its folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.errors import Rejected
from gameserver.local.scaffold import files, new_game

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def isle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_game("isle", tmp_path_factory.mktemp("games"))


def written(document: str, folder: Path) -> list[str]:
    """Write the files that a document shows whole, which begin with their path. Gives the lines that were typed."""
    shown = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.DOTALL)
    for path, text in shown:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return [line for _, text in shown for line in text.splitlines() if line.strip()]


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run a module of Python in a folder, as a person there would with the engine installed."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
    environ = {**known, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_its_tests_pass(isle: Path) -> None:
    plugin = ("-p", "gameserver.testing.plugin")  # which pytest finds by itself where the engine is installed
    assert " passed" in run(isle, "gameserver", "test", "-q", *plugin, "-m", "not server")


def test_its_types_and_its_style_are_right(isle: Path) -> None:
    assert "no issues" in run(isle, "mypy", "--cache-dir", "/dev/null")
    run(isle, "ruff", "check", "--no-cache", ".")
    run(isle, "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.parametrize("below", [".", "isle/gestures"])
def test_every_command_in_its_folder_is_about_it(isle: Path, below: str) -> None:
    assert "gestures.wave" in run(isle / below, "gameserver", "events")
    assert "gestures.wave" in run(isle / below, "celery", "-A", "tasks", "report")


def test_what_is_made_while_running_lies_in_its_folder(isle: Path) -> None:
    run(isle / "isle", "gameserver", "key")
    assert [file.name for file in (isle / "var").iterdir()] == ["secret.key"]


@pytest.mark.parametrize("name", ["Isle", "my-game", "1st", "class", "", "île", "../isle", "an_island_far_away_in_the"])
def test_a_name_that_no_package_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="small letters"):
        new_game(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["gameserver", "tasks", "json"])
def test_the_name_of_another_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="another name"):
        new_game(name, tmp_path)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "isle").mkdir()
    with pytest.raises(Rejected, match="left alone"):
        new_game("isle", tmp_path)
    assert list((tmp_path / "isle").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Rejected, match="cannot be written"):
        new_game("isle", tmp_path / "file")


def test_the_name_is_everywhere(isle: Path) -> None:
    texts = "".join((*files("isle"), *files("isle").values()))
    assert "mygame" not in texts


def test_the_document_on_games_works_as_it_is_written(tmp_path: Path) -> None:
    game = new_game("mygame", tmp_path)
    assert 50 < len(written("docs/game.md", game)) < 120
    assert "add_table items" in run(game, "gameserver", "migrations", "check", status=1)
    run(game, "gameserver", "migrations", "make", "items")
    plugin = ("-p", "gameserver.testing.plugin")
    assert "11 passed" in run(game, "gameserver", "test", "-q", *plugin, "-m", "not server")
    assert "no issues" in run(game, "mypy", "--cache-dir", "/dev/null")


def test_a_field_that_rows_of_before_lack_is_filled_by_the_migration(tmp_path: Path) -> None:
    game = new_game("isle", tmp_path)
    entities = game / "isle" / "gestures" / "entities.py"
    entities.write_text(entities.read_text() + "    mood: str = ''\n")
    run(game, "gameserver", "migrations", "make", "mood", status=1)
    assert len(list((game / "isle" / "migrations" / "versions").glob("isle_*.py"))) == 2
    entities.write_text(entities.read_text().replace('table="waves"', 'table="waves", added=("mood",)'))
    run(game, "gameserver", "migrations", "make", "mood")
    (made,) = (game / "isle" / "migrations" / "versions").glob("isle_0003_*.py")
    assert "server_default" in made.read_text()


def test_the_readme_says_how_many_lines_that_is(tmp_path: Path) -> None:
    written("docs/game.md", tmp_path)
    texts = [file.read_text() for file in (tmp_path / "mygame" / "items").iterdir()]
    lines = sum(bool(line.strip()) for text in texts for line in text.splitlines())
    assert set(re.findall(r"in (\d+) lines", (ROOT / "README.md").read_text())) == {str(lines)}


def test_what_the_document_shows_of_a_new_game_stands_in_one() -> None:
    page = (ROOT / "docs/game.md").read_text()
    section = page.split("## 7. What a player has")[1].split("\n## ")[0]
    shown = re.findall(r"^```python\n(.*?)^```$", section, re.M | re.DOTALL)
    whole = list(files("mygame").values())
    assert len(shown) > 3
    assert [excerpt for excerpt in shown if not any(excerpt in text for text in whole)] == []


def test_a_flower_that_a_rule_makes_is_noticed(tmp_path: Path) -> None:
    game = new_game("isle", tmp_path)
    rules = game / "isle" / "flowers" / "rules.py"
    rules.write_text(rules.read_text().replace("replace(mine, count=mine.count - 1)", "mine"))
    plugin = ("-p", "gameserver.testing.plugin")
    said = run(game, "gameserver", "test", "-q", *plugin, "-m", "not server", status=1)
    assert "flowers.hand made 1 of flowers, and is no source of it (isle/flowers/conserved.py:" in said
