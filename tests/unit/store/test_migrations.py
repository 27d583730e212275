import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from gameserver.rules.outcome import KINDS_OF_THINGS
from gameserver.store.engine import open_engine
from gameserver.store.migrate import migrate
from gameserver.store.tables import TABLES, metadata


def differences(url: str) -> list[object]:
    """What Alembic would have to change to make the database what ``tables`` says."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), metadata))
    finally:
        engine.dispose()


def test_migrations_make_exactly_the_tables(database_url: str) -> None:
    assert len(differences(database_url)) >= len(metadata.tables)
    migrate(database_url)
    assert differences(database_url) == []


def test_migrating_twice_is_harmless(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    assert differences(database_url) == []


def test_the_indexes_are_there(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    with engine.connect() as connection:
        there = {i["name"] for table in metadata.tables for i in inspect(connection).get_indexes(table)}
    engine.dispose()
    assert there >= {index.name for table in metadata.tables.values() for index in table.indexes}


def test_every_kind_of_thing_has_a_table() -> None:
    assert set(TABLES) == set(KINDS_OF_THINGS)


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_columns_are_the_fields_in_their_order(kind: type) -> None:
    table = TABLES[kind]  # type: ignore[index]
    assert tuple(table.columns.keys()) == kind.__struct_fields__  # type: ignore[attr-defined]
    assert [column.name for column in table.primary_key] == ["id"]
    assert not any(column.nullable for column in table.columns)


def test_times_and_numbers_of_clients_fit_into_their_columns() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name.endswith("_ms") or column.name in ("seq", "stored", "tick", "coins"):
                assert str(column.type) == "BIGINT", f"{table.name}.{column.name}"
