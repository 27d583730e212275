"""After trouble SQLite's files are opened anew, whoever still holds the error: as they were opened, so they stay."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gameserver.errors import Retryable
from gameserver.store import Store
from gameserver.testing.two_zones import WORLD


def _open_files(folder: Path) -> list[str]:
    """What this process has open there, but for the file that processes lock."""
    return [name for name in _targets() if name.startswith(f"{folder}/") and not name.endswith(".turnstile")]


def _targets() -> Iterator[str]:
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            yield os.readlink(f"/proc/self/fd/{fd}")


def _write_where_one_may_not(store: Store) -> None:
    with store.transaction() as transaction:
        transaction._rows.command("PRAGMA query_only = ON")
        transaction.set_fact("name", "value")


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "world.sqlite"
    copied.write_bytes(migrated_file.read_bytes())
    return copied


def test_an_error_that_is_kept_keeps_no_file_open(file: Path) -> None:
    """Celery keeps it with its traceback until Python searches for cycles: for minutes, where nothing happens."""
    with closing(Store(f"sqlite:///{file}", WORLD)) as store:
        with pytest.raises(Retryable, match="readonly") as kept:
            _write_where_one_may_not(store)
        assert _open_files(file.parent) == []
        store.set_fact("name", "value")
        assert _open_files(file.parent)
        assert kept.value.code == "database_away"


def test_a_file_that_could_not_be_opened_is_not_kept_open(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(b"hello world\n" * 500)
    with closing(Store(f"sqlite:///{file}", WORLD)) as store:
        with pytest.raises(Retryable, match="file is not a database") as kept:
            store.check()
        assert _open_files(file.parent) == []
        file.write_bytes(whole)
        store.check()
        assert kept.value.code == "database_away"
