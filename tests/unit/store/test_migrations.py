import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table, inspect, select

from gameserver.rules.outcome import KINDS_OF_THINGS
from gameserver.store.engine import open_engine
from gameserver.store.migrate import configuration, migrate
from gameserver.store.tables import TABLES, metadata, players, written


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


def test_a_world_of_the_first_version_is_found_by_its_strips_and_old_workers_may_go_on(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0001")
    old = {"id": "ada", "name": "Ada", "zone": "meadow", "gateway": "g1", "session": "s", "conn": "c"}
    old |= dict.fromkeys([c.name for c in written(players) if c.name not in old], 9)
    of_old = Table("players", MetaData(), *(Column(name) for name in old))
    step = of_old.update().values(x=24)
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(of_old.insert().values(old))
    migrate(database_url)
    with engine.begin() as connection:
        assert connection.execute(select(players)).mappings().one() == {**old, "strip": 1}
        connection.execute(step)
        assert connection.scalar(select(players.c.strip)) == 3
        connection.execute(of_old.insert().values({**old, "id": "bob", "x": 0}))
        assert connection.scalar(select(players.c.strip).where(players.c.id == "bob")) == 0
    command.downgrade(configuration(database_url), "0001")
    with engine.begin() as connection:
        assert connection.execute(select(of_old).order_by(of_old.c.id)).mappings().first() == {**old, "x": 24}
    engine.dispose()


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
    assert tuple(column.name for column in written(table)) == kind.__struct_fields__  # type: ignore[attr-defined]
    assert [column.name for column in table.primary_key] == ["id"]
    assert not any(column.nullable for column in written(table))


def test_times_and_numbers_of_clients_fit_into_their_columns() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name.endswith("_ms") or column.name in ("seq", "stored", "tick", "coins"):
                assert str(column.type) == "BIGINT", f"{table.name}.{column.name}"
