"""Addresses of databases: a path is the path of a file, whatever is in it."""

import os
from pathlib import Path
from shutil import copy2

import pytest

from gameserver.declare.game_package import game
from gameserver.errors import Corrupt, Retryable
from gameserver.maps.world import load_world
from gameserver.store import Store
from gameserver.store.backup import backup
from gameserver.store.engine import open_engine

ODD = ["what?", "a=b?mode=ro&c", "50%41", "a#b", "two words", "it's", '"q"', "new\nline", "back\\slash", "日本"]


@pytest.mark.parametrize("name", ODD)
def test_a_database_is_in_its_folder_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    file = tmp_path / "folders" / name / "world.sqlite"
    engine = open_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE found (x)")
    engine.dispose()
    assert file.stat().st_size > 0
    assert os.listdir(tmp_path / "folders") == [name]
    assert backup(f"sqlite:///{file}", tmp_path / "copy.sqlite") > 0


def test_a_database_that_was_put_in_the_place_of_an_empty_one_is_found(tmp_path: Path, migrated_file: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'world.sqlite'}", load_world(game().world))
    for _ in range(3):
        with pytest.raises(Retryable, match="schema_differs"):
            store.begin_trial("x", 1)
    copy2(migrated_file, tmp_path / "restored")
    for name in ("world.sqlite-wal", "world.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "restored").rename(tmp_path / "world.sqlite")
    assert store.begin_trial("x", 1) == 1
    store.close()


@pytest.mark.parametrize(
    "url", ["foo", "", "/var/world.sqlite", "postgresql://u:p@host:port/name", "mysql://host/name"]
)
def test_what_is_no_address_of_a_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Corrupt, match="bad_setting") as caught:
        open_engine(url)
    assert "DATABASE_URL" in caught.value.message
    assert ":p@" not in caught.value.message
