"""A database that is not ours, or not any more: one sentence, and what is in it stays as it was."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from gameserver.cli import main
from gameserver.errors import GameError, Retryable
from gameserver.store import Store
from gameserver.store.engine import open_engine
from gameserver.store.migrate import heads, shape
from gameserver.testing.two_zones import WORLD
from tests.databases import Cluster

VERSIONS = "CREATE TABLE alembic_version (version_num VARCHAR(32))"
FOREIGN = {
    "another program's tables": (["CREATE TABLE users (id INT)", "INSERT INTO users VALUES (1)"], r"\(users\)"),
    "a table of the name of ours": (["CREATE TABLE players (id INT)"], r"\(players\)"),
    "many tables": ([f"CREATE TABLE t{n} (id INT)" for n in range(5)], r"\(t0, t1, t2, \.\.\.\)"),
    "no migration is written down": ([VERSIONS, "CREATE TABLE players (id INT)"], r"\(players\)"),
    "another newest migration": ([VERSIONS, "INSERT INTO alembic_version VALUES ('x0001')"], "at migration x0001,"),
    "another program's versions": (["CREATE TABLE alembic_version (n INT)"], "alembic_version .* can't be read"),
    "migrations of the same names": (
        [VERSIONS, f"INSERT INTO alembic_version VALUES ('{heads()[0]}')"],
        "has no table accounts, ",
    ),
}


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _run(url: str, statements: Sequence[str]) -> None:
    with connected(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


def _tables(url: str) -> list[str]:
    with connected(url) as connection:
        return sorted(inspect(connection).get_table_names())


@pytest.mark.parametrize(("prepare", "words"), FOREIGN.values(), ids=FOREIGN)
def test_a_database_of_something_else_is_left_alone(prepare: list[str], words: str, database_url: str) -> None:
    _run(database_url, prepare)
    before = _tables(database_url)
    with closing(Store(database_url, WORLD)) as store, pytest.raises(GameError, match=words) as refused:
        store.migrate()
    assert "\n" not in refused.value.message
    assert _tables(database_url) == before


@pytest.mark.parametrize("content", ["text", "folder", "random"])
def test_a_file_that_is_no_database_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "world.sqlite"
    if content == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"hello world\n" * 500 if content == "text" else os.urandom(40_960))
    with closing(Store(f"sqlite:///{file}", WORLD)) as store, pytest.raises(Retryable, match=r"world\.sqlite"):
        store.migrate()


@pytest.fixture
def stranger_url(postgresql_cluster: Cluster) -> Iterator[str]:
    """The migrated database, as a user without rights to any of it."""
    url = postgresql_cluster.url(Cluster.migrated)
    _run(url, ["CREATE ROLE stranger LOGIN"])
    yield make_url(url).set(username="stranger").render_as_string(hide_password=False)
    _run(url, ["DROP ROLE stranger"])


def test_who_lacks_a_right_waits_for_it(stranger_url: str) -> None:
    with closing(Store(stranger_url, WORLD)) as store:
        with pytest.raises(Retryable, match="permission denied for"):
            store.check()
        with pytest.raises(GameError, match=r"alembic_version .* a right is missing"):
            store.migrate()


def test_a_database_that_goes_away_while_its_shape_is_asked_for_is_away(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}")
    assert shape(engine).at == "?"
    engine.dispose()


def test_a_driver_that_speaks_in_lines_is_told_in_one() -> None:
    with closing(Store("postgresql://nobody@127.0.0.1:1/nothing", WORLD)) as store, pytest.raises(Retryable) as away:
        store.check()
    assert "\n" not in away.value.message


@pytest.mark.parametrize("command", [["world", "apply"], ["announce", "hello"], ["dead", "drop", "a:1"]], ids=" ".join)
def test_what_writes_leaves_the_database_of_another_game_alone(
    command: list[str],
    migrated_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "world.sqlite"
    file.write_bytes(migrated_file.read_bytes())
    _run(f"sqlite:///{file}", ["UPDATE alembic_version SET version_num = 'x0001'"])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    capsys.readouterr()
    assert main(command) == 1
    assert "at migration x0001, which this code" in capsys.readouterr().err
