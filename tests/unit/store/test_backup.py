"""A copy of a world that fails leaves nothing behind that could be taken for one."""

from pathlib import Path

import pytest

from gameserver.errors import Corrupt
from gameserver.store.backup import backup
from gameserver.store.migrate import migrate


def test_a_world_is_copied_to_a_file(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'world.sqlite'}")
    assert backup(f"sqlite:///{tmp_path / 'world.sqlite'}", tmp_path / "copy") == (tmp_path / "copy").stat().st_size


def test_of_what_is_no_database_no_copy_is_left(tmp_path: Path) -> None:
    (tmp_path / "world.sqlite").write_text("a text that is long enough to be taken for a database and is none" * 99)
    with pytest.raises(Corrupt, match="not_copied"):
        backup(f"sqlite:///{tmp_path / 'world.sqlite'}", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
