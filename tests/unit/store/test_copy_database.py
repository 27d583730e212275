"""Moving a world: from SQLite to a real PostgreSQL, and back."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Table, Text, insert, select

from gameserver.errors import Corrupt, GameError
from gameserver.modules.sessions.entities import Gateway
from gameserver.store import copy_database
from gameserver.store.copy_database import QUIET_MS, Copied, copy
from gameserver.store.engine import open_engine
from gameserver.store.tables import metadata, tables_of

NOW_MS = 1_700_000_000_000
AT_ONCE = 100
ROWS = 230
LETTERS = "aZ0 äß€'\"\\%\n\t\u200b🐉"


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_database, "ROWS_AT_ONCE", AT_ONCE)


@pytest.fixture(scope="module")
def filled_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("filled") / "world.sqlite"
    shutil.copy(migrated_file, file)
    fill(f"sqlite:///{file}")
    return file


@pytest.fixture
def source_url(filled_file: Path, tmp_path: Path) -> str:
    """A SQLite database with something of every kind in every table."""
    shutil.copy(filled_file, tmp_path / "source.sqlite")
    return f"sqlite:///{tmp_path / 'source.sqlite'}"


def fill(url: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for table in metadata().sorted_tables:
            rng = Random(table.name)
            connection.execute(insert(table), [drawn(table, n, rng) for n in range(ROWS)])
    engine.dispose()


def drawn(table: Table, n: int, rng: Random) -> dict[str, Any]:
    return {column.name: value(column, n, rng) for column in table.columns}


def value(column: Any, n: int, rng: Random) -> Any:
    if isinstance(column.type, LargeBinary):
        return rng.randbytes(rng.randrange(40))
    if isinstance(column.type, Text):
        text = "".join(rng.choice(LETTERS) for _ in range(rng.randrange(12)))
        return f"{text}{n}" if column.primary_key else text
    large = str(column.type) == "BIGINT"
    low, high = (0, NOW_MS - QUIET_MS) if large else (-(2**31), 2**31 - 1)
    return n if column.primary_key else rng.randint(low, high)


def content(url: str) -> dict[str, set[tuple[Any, ...]]]:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return {t.name: {tuple(row) for row in connection.execute(select(t))} for t in metadata().sorted_tables}
    finally:
        engine.dispose()


def empty(url: str) -> bool:
    return not any(content(url).values())


@pytest.fixture
def target_url(postgresql_url: str) -> str:
    """An empty PostgreSQL."""
    assert empty(postgresql_url)
    return postgresql_url


def copied(source_url: str, target_url: str) -> list[Copied]:
    tables: list[Copied] = []
    copy(source_url, target_url, NOW_MS, tables.append)
    return tables


def test_everything_of_every_table_arrives_on_postgresql_and_comes_back(
    source_url: str, target_url: str, tmp_path: Path
) -> None:
    there = copied(source_url, target_url)
    assert {table.table: table.rows for table in there} == dict.fromkeys(metadata().tables, ROWS)
    assert content(target_url) == content(source_url)
    back_url = f"sqlite:///{tmp_path / 'back.sqlite'}"
    assert copied(target_url, back_url) == there
    assert content(back_url) == content(source_url)


def test_a_target_with_something_in_it_is_refused(source_url: str, target_url: str) -> None:
    copied(source_url, target_url)
    with pytest.raises(Corrupt, match="in the target already") as fault:
        copied(source_url, target_url)
    assert fault.value.code == "target_not_empty"
    assert content(target_url) == content(source_url)


def test_a_database_is_not_copied_onto_itself(source_url: str) -> None:
    with pytest.raises(Corrupt, match="onto itself"):
        copied(source_url, source_url)


@pytest.mark.parametrize("target", ["nonsense", "mysql://host/name", "postgresql://host:port/name"])
def test_an_address_to_copy_to_that_means_nothing_is_named_as_that(source_url: str, target: str) -> None:
    with pytest.raises(Corrupt, match=r"^bad_setting: The address to copy to"):
        copy(source_url, target, NOW_MS, [].append)


def test_a_database_on_which_somebody_plays_is_not_copied(source_url: str, target_url: str) -> None:
    engine = open_engine(source_url)
    with engine.begin() as connection:
        connection.execute(insert(tables_of(Gateway)[0]).values(id="alive", seen_ms=NOW_MS - QUIET_MS + 1, sessions=1))
    engine.dispose()
    with pytest.raises(Corrupt, match="Somebody plays") as fault:
        copied(source_url, target_url)
    assert fault.value.code == "source_in_use"
    assert empty(target_url)


@pytest.mark.parametrize("prepare", ["", "CREATE TABLE gateways (id TEXT)"])
def test_a_database_of_another_shape_is_not_copied(tmp_path: Path, target_url: str, prepare: str) -> None:
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute(prepare)
    other.close()
    with pytest.raises(Corrupt, match="gameserver migrate"):
        copied(f"sqlite:///{tmp_path / 'other.sqlite'}", target_url)


def lose(portions: Iterator[Any]) -> Iterator[Any]:
    yield from list(portions)[1:]


def change(portions: Iterator[Any]) -> Iterator[Any]:
    for rows in portions:
        yield [altered(row) if n == 7 else row for n, row in enumerate(rows)]


class altered:  # noqa: N801 - stands for a row
    def __init__(self, row: Any) -> None:
        self._mapping = {**row._mapping, "name": "somebody else"}


@pytest.mark.parametrize("damage", [lose, change])
def test_a_copy_from_which_something_is_missing_is_found_out_and_undone(
    source_url: str, target_url: str, damage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(source: Any, target: Any, table: Table) -> None:
        for rows in (damage if table.name == "players" else iter)(copy_database._rows(source, table)):
            target.execute(insert(table), [dict(row._mapping) for row in rows])

    monkeypatch.setattr(copy_database, "_copy_table", damaged)
    with pytest.raises(Corrupt, match="players") as fault:
        copied(source_url, target_url)
    assert fault.value.code == "copy_differs"
    assert empty(target_url)


def test_a_target_that_is_away_is_told_of(source_url: str, tmp_path: Path) -> None:
    with pytest.raises(GameError, match="did not answer"):
        copied(source_url, f"postgresql://nobody@/none?host={tmp_path}")
