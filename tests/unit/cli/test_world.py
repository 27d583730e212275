import shutil
from pathlib import Path

import pytest

from gameserver.cli import main
from gameserver.declare.game_package import game
from gameserver.maps.world import load_world
from gameserver.modules.building.entities import Change
from tests.deployments import write_world
from tests.unit.processing.workshop import Workshop


def test_the_commands_check_and_apply(
    populated: Workshop,
    migrated_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    arena = write_world(tmp_path, "####", "#s.#", "####")
    monkeypatch.setenv("GAMESERVER_WORLD", str(arena))
    assert main(["world", "check"]) == main(["world", "check", str(arena)]) == 1
    assert "3 players in zone meadow, which is gone, go to arena" in capsys.readouterr().out
    assert main(["world", "apply"]) == 0
    assert "2 creatures in zone meadow, which is gone, are removed" in capsys.readouterr().out
    assert main(["world", "check"]) == 0
    assert "Everyone in the database fits" in capsys.readouterr().out


SOUND = '{"maps": [{"fileName": "a.tmj"}]}'


@pytest.mark.parametrize(
    ("world", "a_map", "says"),
    [
        ("{", "", "test.world: is not the JSON"),
        (SOUND, "[]", "a.tmj: is not the JSON"),
        (SOUND, None, "a.tmj: can't be read"),
        ('{"maps": [{"fileName": 7}]}', "", "$.maps[0].fileName"),
        ('{"maps": [{"fileName": "' + "a" * 300 + '.tmj"}]}', "", "zone's name"),
    ],
)
def test_a_broken_map_is_named_and_is_no_traceback(
    world: str, a_map: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test.world").write_text(world)
    if a_map is not None:
        (tmp_path / "a.tmj").write_text(a_map)
    assert main(["world", "check", str(tmp_path / "test.world")]) == 1
    assert says in capsys.readouterr().err


def test_what_is_built_is_saved_and_then_forgotten(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = tmp_path / "maps"
    shutil.copytree(game().world.parent, maps)
    path = maps / game().world.name
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("GAMESERVER_WORLD", str(path))
    workshop = Workshop(migrated_url)
    workshop.put(Change(id="cellar/2.8", n=1, zone="cellar", what="wall", x=2, y=8))
    assert load_world(path).zones["cellar"].walkable(2, 8)
    assert main(["world", "save"]) == 0
    assert "Written: cellar.tmj." in capsys.readouterr().out
    assert not load_world(path).zones["cellar"].walkable(2, 8)
    assert main(["world", "apply"]) == 0
    assert "1 changes that the maps show by now are removed" in capsys.readouterr().out
    assert workshop.store.later(Change, "n", 0, 10) == []
    assert main(["world", "save"]) == 0
    assert "The files show all that was built." in capsys.readouterr().out
    workshop.store.close()
