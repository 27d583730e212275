"""Nobody is told that a database can be written before it was written; its files' faults are nobody's event's."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gameserver.errors import Retryable
from gameserver.store import Store
from gameserver.store.engine import open_engine
from gameserver.store.faults import Fault, fault_of
from gameserver.store.store import Trial
from gameserver.testing.two_zones import WORLD
from tests.databases import Cluster
from tests.forks import allow_file_bytes, become_nobody, in_fork


def _run(url: str, *statements: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _checked(url: str, before: Callable[[], None] = lambda: None) -> str:
    """What comes of a check: "written", or the code and the sentence of a ``Retryable``."""
    before()
    try:
        with closing(Store(url, WORLD)) as store:
            store.check()
    except Retryable as trouble:
        return str(trouble)
    return "written"


@pytest.fixture
def folder(migrated_file: Path) -> Iterator[Path]:
    """A folder with a database, which everybody may enter: pytest's own is closed to others."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    shutil.copy(migrated_file, made / "world.sqlite")
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def test_who_may_not_write_the_folder_is_told_so_until_it_may(folder: Path) -> None:
    folder.chmod(0o555)
    refused = in_fork(lambda: _checked(f"sqlite:///{folder}/world.sqlite", become_nobody))
    assert refused.startswith("database_away: ")
    assert f"{folder}/world.sqlite.turnstile" in refused
    assert "Permission denied" in refused
    folder.chmod(0o777)
    (folder / "world.sqlite").chmod(0o666)
    assert in_fork(lambda: _checked(f"sqlite:///{folder}/world.sqlite", become_nobody)) == "written"


def test_who_may_write_the_folder_and_not_the_file_is_told_so(folder: Path) -> None:
    folder.chmod(0o777)
    (folder / "world.sqlite").chmod(0o444)
    refused = in_fork(lambda: _checked(f"sqlite:///{folder}/world.sqlite", become_nobody))
    assert refused.startswith("database_away: ")
    assert "readonly" in refused


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    folder.chmod(0o555)
    refused = in_fork(lambda: _checked(f"sqlite:///{folder}/var/world.sqlite", become_nobody))
    assert refused.startswith("database_away: ")
    assert f"{folder}/var can't be made: Permission denied." in refused


def test_a_database_that_cannot_grow_is_not_said_to_be_written(folder: Path) -> None:
    def limited() -> None:
        allow_file_bytes(64)  # the lock's entry fits

    with closing(sqlite3.connect(folder / "world.sqlite")) as other:  # another process reads, so its files are there
        other.execute("SELECT * FROM facts").fetchall()
        assert in_fork(lambda: _checked(f"sqlite:///{folder}/world.sqlite", limited)).startswith("database_away: ")
    assert _checked(f"sqlite:///{folder}/world.sqlite") == "written"


@pytest.mark.parametrize("room", [0, 10])
def test_a_turn_that_cannot_be_written_down_is_nobodys_trial(room: int, folder: Path) -> None:
    def tried() -> str:
        with closing(Store(f"sqlite:///{folder}/world.sqlite", WORLD)) as store:
            store.check()
            allow_file_bytes(room)
            trial = Trial("a:1", 5)
            with pytest.raises(Retryable, match="database_away"), store.transaction(trial):
                raise AssertionError("there was no turn")
            return f"{trial.counted} {store.trials(['a:1'])}"

    assert in_fork(tried) == "False {}"


def test_a_check_leaves_nothing_behind(store: Store) -> None:
    store.check()
    assert store.trials(["check"]) == {}


@pytest.fixture
def reader_url(postgresql_cluster: Cluster, postgresql_url: str) -> Iterator[str]:
    """The migrated database, as a user who may read all of it."""
    _run(postgresql_url, "CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    yield make_url(postgresql_url).set(username="reader").render_as_string(hide_password=False)
    _run(postgresql_url, "DROP OWNED BY reader", "DROP ROLE reader")


def test_a_user_who_may_only_read_is_told_so(reader_url: str) -> None:
    assert "permission denied for table" in _checked(reader_url)


@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_a_right_to_one_table_is_missed(right: str, reader_url: str, postgresql_url: str) -> None:
    _run(
        postgresql_url,
        "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader",
        f"REVOKE {right} ON dead_letters FROM reader",
    )
    assert "permission denied for table dead_letters" in _checked(reader_url)
    _run(postgresql_url, f"GRANT {right} ON dead_letters TO reader")
    assert _checked(reader_url) == "written"


def test_a_server_that_takes_no_writes_is_waited_for(postgresql_cluster: Cluster, postgresql_url: str) -> None:
    """As a standby says, and a server whose operator has it read only."""
    name = Cluster.migrated
    _run(postgresql_cluster.url("postgres"), f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        assert "read-only transaction" in _checked(postgresql_url)
    finally:
        _run(postgresql_cluster.url("postgres"), f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert _checked(postgresql_url) == "written"


@pytest.mark.parametrize(
    "error", [PermissionError(13, "x"), OSError(24, "Too many open files"), MemoryError()], ids=repr
)
def test_what_the_machine_refuses_a_driver_is_no_fault_of_the_data(error: Exception) -> None:
    assert fault_of(error) is Fault.AWAY
