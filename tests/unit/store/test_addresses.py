"""Addresses of databases: a path is the path of a file, whatever is in it."""

import os
from pathlib import Path

import pytest

from gameserver.errors import Corrupt
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


@pytest.mark.parametrize(
    "url", ["foo", "", "/var/world.sqlite", "postgresql://u:p@host:port/name", "mysql://host/name"]
)
def test_what_is_no_address_of_a_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Corrupt, match="bad_setting") as caught:
        open_engine(url)
    assert "DATABASE_URL" in caught.value.message
    assert ":p@" not in caught.value.message
