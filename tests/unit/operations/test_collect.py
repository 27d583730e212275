"""What is asked of the settings, the database and the disk for a snapshot."""

import time
from pathlib import Path

import pytest

from gameserver import config
from gameserver.operations.collect import ask_database, disk_of, flight_of
from gameserver.operations.snapshot import Database
from gameserver.store import Store
from gameserver.testing.two_zones import WORLD


def wall_ms() -> int:
    return int(time.time() * 1000)


def test_a_database_server_says_how_many_connections_it_has_and_allows(migrated_url: str) -> None:
    store = Store(migrated_url, WORLD)
    try:
        found = ask_database(store, wall_ms)
    finally:
        store.close()
    assert (found.dead, found.unread, found.database.fault) == (0, 0, "")
    if migrated_url.startswith("sqlite"):
        assert found.database == Database()
    else:
        assert 1 <= found.database.connections < found.database.connections_max <= 100


def test_a_database_that_does_not_answer_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none", WORLD)
    asked: list[str] = []
    monkeypatch.setattr(store, "dead_letters", lambda **_: asked.append("dead letters"))
    found = ask_database(store, wall_ms)
    assert found.dead is None
    assert "database" in found.database.fault
    assert asked == []


def test_events_of_clients_and_gateways_count_once_for_each_queue_they_may_wait_in() -> None:
    plain = flight_of(config.load({}))
    assert plain.batches_max == 2
    assert plain.queues["movement.move"] == plain.queues["sessions.lost"] == 1
    assert "world.tick" not in plain.queues  # beat sends it
    split = flight_of(config.load({"GAMESERVER_SPLIT_QUEUES": "movement:3", "GAMESERVER_BATCHES_IN_FLIGHT_MAX": "5"}))
    assert split.queues["movement.move"] == 3
    assert split.batches_max == 5


def test_the_disk_is_that_of_the_folder_or_of_what_is_there_above_it(tmp_path: Path) -> None:
    found = disk_of(tmp_path / "not" / "made")
    assert found.folder == str(tmp_path)
    assert 0 < found.free_bytes <= found.total_bytes
