"""Rows that the database writes itself, on both databases."""

from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from gameserver.maps.world import load_world
from gameserver.modules.chat.entities import ChatLine
from gameserver.store.tables import by_name, metadata
from tests.benchmarks import bulk, zones


def _rows(connection: Connection, table: str) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(select(metadata().tables[table])).mappings()]


def test_those_who_stay_away_are_like_the_one_they_are_made_of(migrated_url: str, tmp_path: Path) -> None:
    world = load_world(zones.write_zones(tmp_path / "world", 1))
    zones.seed(migrated_url, world, 3, 2, zones.small)
    bulk.multiply(migrated_url, "w2", 3, 10)
    with bulk.connected(migrated_url) as connection:
        for table in ("accounts", "players"):
            rows = {row["id"]: row for row in _rows(connection, table)}
            assert rows.keys() == set(zones.names(0, 13))
            assert rows["w12"] == {**rows["w2"], "id": "w12", "name": "w12"}
        assert {row["player"] for row in _rows(connection, "sessions")} == {"w0", "w1"}


def test_history_is_lines_that_the_store_reads(migrated_url: str) -> None:
    bulk.say(migrated_url, 2_500, at_ms=7)
    columns = by_name(ChatLine)
    with bulk.connected(migrated_url) as connection:
        rows = _rows(connection, columns["id"].table.name)
    lines = [msgspec.convert({name: row[column.name] for name, column in columns.items()}, ChatLine) for row in rows]
    assert len({line.id for line in lines}) == 2_500
    assert len({line.channel for line in lines}) == 3
    assert {line.at_ms for line in lines} == {7}
