from pathlib import Path

import pytest
from msgspec.structs import replace

from gameserver.cli import main
from tests.deployments import write_world
from tests.unit.processing.workshop import ADA, Workshop
from tests.unit.store.test_copy_database import ROWS


def test_migrate_applies_maps_that_are_new_and_no_others(
    populated: Workshop,
    migrated_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("GAMESERVER_WORLD", str(write_world(tmp_path, "####", "#s.#", "####")))
    assert main(["migrate"]) == 0
    assert "3 players in zone meadow" in capsys.readouterr().out
    populated.put(replace(ADA, zone="nirvana"))
    assert main(["migrate"]) == 0
    assert "nirvana" not in capsys.readouterr().out


def test_the_command_copies_the_database_of_the_settings(
    source_url: str,
    target_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", source_url)
    monkeypatch.setenv("GAMESERVER_HOME", str(tmp_path))
    assert main(["copy", "--to", target_url]) == 0
    assert f"players         {ROWS:8} rows" in capsys.readouterr().out
    assert main(["copy", "--to", target_url]) == 1
