"""Which game is played in a folder, and where its processes run."""

import sys
from pathlib import Path

import pytest

from gameserver.config import load
from gameserver.declare import game_package
from gameserver.declare.source_locations import place_of_value
from gameserver.errors import Corrupt

NAMED = '[project]\nname = "atoll"\n\n[tool.gameserver]\ngame = "atoll"\n'


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(game_package.SETTING, raising=False)
    monkeypatch.delenv(game_package.HOME, raising=False)


@pytest.fixture
def atoll(tmp_path: Path) -> Path:
    (tmp_path / "atoll" / "deep" / "below").mkdir(parents=True)
    (tmp_path / "atoll" / "pyproject.toml").write_text(NAMED)
    (tmp_path / "atoll" / "deep" / "pyproject.toml").write_text('[project]\nname = "of other things"\n')
    return tmp_path / "atoll"


@pytest.mark.parametrize("below", ["", "deep", "deep/below"])
def test_a_folder_names_the_game_for_all_that_is_typed_below_it(
    atoll: Path, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(atoll / below)
    assert (game_package.package(), game_package.folder()) == ("atoll", atoll)


def test_processes_that_are_told_their_home_find_the_game_from_anywhere(
    atoll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(game_package.HOME, str(atoll))
    assert (game_package.package(), game_package.folder()) == ("atoll", atoll)


def test_what_is_given_goes_before_what_the_folder_names(atoll: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(atoll)
    monkeypatch.setenv(game_package.SETTING, "other")
    assert game_package.package() == "other"


def test_elsewhere_the_bundled_game_is_played_and_its_state_lies_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (game_package.package(), game_package.folder()) == (game_package.BUNDLED, tmp_path)
    assert load({}).var == tmp_path / "var"


def test_state_lies_below_the_games_folder(atoll: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(atoll / "deep")
    monkeypatch.setenv(game_package.SETTING, game_package.BUNDLED)
    settings = load({})
    assert settings.var == atoll / "var"
    assert settings.secret_key_file.is_relative_to(atoll / "var")
    assert settings.database_url == f"sqlite:///{atoll / 'var' / 'world.sqlite'}"


@pytest.mark.parametrize("text", ["[tool.gameserver\n", "[tool.gameserver]\ngame = 3\n"])
def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Corrupt, match=r"pyproject\.toml"):
        game_package.package()


def test_the_games_own_folder_is_where_python_looks_for_it(atoll: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(atoll)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (atoll / "atoll").mkdir()
    (atoll / "atoll" / "__init__.py").write_text("")
    with pytest.raises(Corrupt, match=r"bad_game: atoll/__init__\.py:1: the package atoll has no GAME"):
        game_package.game.__wrapped__()


@pytest.mark.parametrize("made", [[], ["atoll.py"]], ids=["nothing", "a module that is no package"])
def test_the_line_is_named_that_names_a_package_which_there_is_not(
    atoll: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(atoll)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "atoll", raising=False)
    for file in made:
        (atoll / file).write_text("")
    with pytest.raises(Corrupt, match=r"bad_game: pyproject\.toml:5: there is no package atoll on Python's path"):
        game_package.game.__wrapped__()


def test_the_setting_is_named_that_names_a_package_which_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(game_package.SETTING, "nobodys.game")
    with pytest.raises(Corrupt, match=r"bad_game: GAMESERVER_GAME=nobodys\.game: there is no package nobodys\.game"):
        game_package.game.__wrapped__()


def test_a_line_within_a_value_is_found_where_it_is_written_out(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("OTHER = 'b'\nGAME = dict(\n    a='b',\n    c=[\n        'd'],\n)\n")
    lines = [place_of_value(file, "GAME", part).rpartition(":")[2] for part in ("", "b", "c", "d", "e")]
    assert lines == ["2", "3", "4", "5", "2"]
    assert place_of_value(file, "NOTHING") == f"{file}:1"
    assert place_of_value(tmp_path / "none.py", "GAME") == f"{tmp_path}/none.py:1"
