from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text

from gameserver.declare.base import SEQ_MAX
from gameserver.declare.entity import Entity, kinds, sharing
from gameserver.errors import Retryable
from gameserver.modules.sessions.entities import Player, Session
from gameserver.modules.trade.entities import Purse
from gameserver.rules.watermarks import NO_MARKS, Watermark, highest, read_watermarks
from gameserver.store import Store
from gameserver.store import migrate as migrate_module
from gameserver.store.engine import open_engine
from gameserver.store.migrate import configuration, migrate
from gameserver.store.statements import writing
from gameserver.store.tables import columns, metadata, tables_of
from gameserver.testing.two_zones import WORLD, players
from gameserver.testing.whole_entities import whole_kind
from tests.selections import selected


def differences(url: str) -> list[object]:
    """What Alembic would have to change to make the database what ``tables`` says."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), metadata()))
    finally:
        engine.dispose()


def test_migrations_make_exactly_the_tables(database_url: str) -> None:
    assert len(differences(database_url)) >= len(metadata().tables)
    migrate(database_url)
    assert differences(database_url) == []


def test_migrating_twice_is_harmless(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    assert differences(database_url) == []


# A player's columns in the first two versions.
LATER = ("marks", "gear", "effects", "rival", "rival_until_ms", "duel_zone")
OF_OLD = [*(name for name in whole_kind(Player).__struct_fields__ if name not in LATER), "coins"]
SESSION_OF_OLD = tuple(name for name in Session.__struct_fields__ if name != "attempt")
OLD = {
    "players": sa.table("players", *map(sa.column, OF_OLD)),
    "sessions": sa.table("sessions", *map(sa.column, SESSION_OF_OLD)),
    "marks": sa.table("marks", *map(sa.column, ("id", "session", "seq", "stored"))),
    "outcomes": sa.table("outcomes", *map(sa.column, ("mark", "slot", "session", "seq", "direct"))),
}


def old_player(id_: str, **changes: Any) -> dict[str, Any]:
    texts = {"id": id_, "name": id_, "zone": "meadow", "gateway": "", "session": "", "conn": ""}
    return {**dict.fromkeys(OF_OLD, 9), **texts, **changes}


def write(url: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for name, values in rows.items():
            connection.execute(OLD[name].insert(), values)
    engine.dispose()


def read(url: str) -> dict[str, list[dict[str, Any]]]:
    """The old tables' rows, in the order of their first columns."""
    engine = open_engine(url)
    with engine.begin() as connection:
        found = {
            name: [dict(row) for row in connection.execute(select(old).order_by(*list(old.c)[:2])).mappings()]
            for name, old in OLD.items()
        }
    engine.dispose()
    return found


def test_a_world_of_the_first_version_is_found_by_its_strips_and_old_workers_may_go_on(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0001")
    write(database_url, {"players": [old_player("ada", gateway="g1", x=24)]})
    command.upgrade(configuration(database_url), "0002")
    write(database_url, {"players": [old_player("bob", gateway="g1", x=0)]})
    engine = open_engine(database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT id, strip FROM players ORDER BY id")).all() == [("ada", 3), ("bob", 0)]
    engine.dispose()
    command.downgrade(configuration(database_url), "0001")
    assert [row["id"] for row in read(database_url)["players"]] == ["ada", "bob"]


def session_of(player: str, gateway: str) -> dict[str, Any]:
    texts = dict.fromkeys(SESSION_OF_OLD, "")
    return {**texts, "id": f"s-{player}", "player": player, "gateway": gateway, "expires_ms": 5, "since_ms": 6}


def marks_of(session: str, **lanes: tuple[int, int]) -> list[dict[str, Any]]:
    marks: dict[str, tuple[int, int]] = {"act": (0, 0), "talk": (0, 0), "trade": (0, 0), **lanes}
    return [
        {"id": f"{session}/{lane}", "session": session, "seq": seq, "stored": stored}
        for lane, (seq, stored) in sorted(marks.items())
    ]


def test_places_and_watermarks_move_and_who_waits_to_come_back_finds_them(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0002")
    before = {
        "players": [
            old_player("ada", gateway="g1", conn="c", session="s-ada", x=3, y=4, v=5, steps_due_ms=2**41),
            old_player("bob"),
            old_player("eve"),
            old_player("zoe", session="s-gone"),
        ],
        "sessions": [session_of("ada", "g1"), session_of("bob", "")],
        "marks": [*marks_of("s-ada", act=(17, 2)), *marks_of("s-bob", talk=(SEQ_MAX, 1))],
        "outcomes": [{"mark": "s-ada/act", "slot": 1, "session": "s-ada", "seq": 16, "direct": b"hit"}],
    }
    write(database_url, before)
    old = Store(database_url, WORLD)
    migrate(database_url)
    with old.transaction() as transaction:
        ada, bob, eve, zoe = players(transaction.load([selected(players=("ada", "bob", "eve", "zoe"))])).values()
        assert transaction.stored("s-ada/act", 16) == b"hit"
    old.close()
    assert (ada.x, ada.y, ada.v, ada.steps_due_ms, ada.session) == (3, 4, 5, 2**41, "s-ada")
    assert read_watermarks(ada.marks)["act"] == Watermark(17, 2)
    assert (bob.session, highest(bob.marks)) == ("s-bob", SEQ_MAX)
    assert (eve.session, eve.marks) == (zoe.session, zoe.marks) == ("", NO_MARKS)
    command.downgrade(configuration(database_url), "0002")
    before["players"][3]["session"] = ""
    assert read(database_url) == before


def test_workers_of_the_version_before_can_do_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they are given waits for a newer one."""
    command.upgrade(configuration(database_url), "0002")
    migrate(database_url)
    engine = open_engine(database_url)
    monkeypatch.setattr(migrate_module, "revisions", lambda: ["0002", "0001"])
    monkeypatch.setattr(migrate_module, "heads", lambda: ["0002"])
    for old in ("players", "marks"):
        with pytest.raises(Retryable, match=r"schema_differs: .* up to 0002"), writing(engine) as rows:
            rows.all(select(OLD[old]))
    engine.dispose()


def test_workers_that_begin_before_the_migration_wait_for_it(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0002")
    store = Store(database_url, WORLD)
    with pytest.raises(Retryable, match="schema_differs: The database is at migration 0002 and lacks"):
        load_ada(store)
    migrate(database_url)
    load_ada(store)
    store.close()


def load_ada(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada",))])


def test_the_indexes_are_there(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    with engine.connect() as connection:
        there = {i["name"] for table in metadata().tables for i in inspect(connection).get_indexes(table)}
    engine.dispose()
    assert there >= {index.name for table in metadata().tables.values() for index in table.indexes}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_columns_are_the_fields_and_each_stands_in_one_table(kind: type[Entity]) -> None:
    assert tuple(column.name for column in columns(kind)) == kind.__struct_fields__
    standing = [column.name for part in sharing(kind) for column in columns(part) if column.name != "id"]
    in_the_rows = {column.name for part in sharing(kind) for table in tables_of(part) for column in table.columns}
    assert sorted(standing) == sorted(in_the_rows - {"id"})
    for table in tables_of(kind):
        assert [column.name for column in table.primary_key] == ["id"]
        assert next(iter(table.columns)).name == "id"
        assert not any(column.nullable for column in table.columns)


def test_all_integers_have_64_bits_on_both(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    with engine.connect() as connection:
        there = [(t, c["name"], c["type"]) for t in metadata().tables for c in inspect(connection).get_columns(t)]
    wide = {"sqlite": ("BIGINT", "INTEGER"), "postgresql": ("BIGINT",)}[engine.dialect.name]
    narrow = [(t, c) for t, c, type_ in there if isinstance(type_, sa.Integer) and str(type_) not in wide]
    engine.dispose()
    assert narrow == []


def test_coins_move_into_purses_and_back(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0007")
    engine = open_engine(database_url)
    old = sa.table("players", *map(sa.column, OF_OLD))
    narrow = ("x", "y", "v", "steps_due_ms")
    rows = [old_player("ada", coins=2**40, gateway="g1"), old_player("bob", coins=0)]
    with engine.begin() as connection:
        for row in rows:
            connection.execute(old.insert(), {name: value for name, value in row.items() if name not in narrow})
            moved = sa.table("whereabouts", *map(sa.column, ("id", *narrow, "marks")))
            connection.execute(moved.insert(), {"id": row["id"], **dict.fromkeys(narrow, 9), "marks": NO_MARKS})
    migrate(database_url)
    store = Store(database_url, WORLD)
    assert [store.get(Purse, id_) for id_ in ("ada", "bob")] == [Purse(id="ada", coins=2**40), Purse(id="bob", coins=0)]
    with store.transaction() as transaction:
        ada = players(transaction.load([selected(players=("ada",))]))["ada"]
    assert ada == whole_kind(Player)(
        **{name: value for name, value in rows[0].items() if name != "coins"}, marks=NO_MARKS
    )
    store.close()
    command.downgrade(configuration(database_url), "0007")
    with engine.begin() as connection:
        coins = connection.execute(text("SELECT id, coins FROM players ORDER BY id")).all()
    engine.dispose()
    assert coins == [("ada", 2**40), ("bob", 0)]


def test_what_deeds_have_counted_of_gifts_comes_into_the_purse(database_url: str) -> None:
    command.upgrade(configuration(database_url), "0021")
    purses = sa.table("purses", *map(sa.column, ("id", "coins")))
    deeds = sa.table("deeds", *map(sa.column, ("id", "counts", "zones", "earned")))
    counts = {"ada": '{"given":1234,"kills":3}', "bob": '{"kills:given":7}', "eve": "{}"}
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(purses.insert(), [{"id": id_, "coins": 5} for id_ in (*counts, "kim")])
        rows = [{"id": id_, "counts": said, "zones": "[]", "earned": "{}"} for id_, said in counts.items()]
        connection.execute(deeds.insert(), rows)
    migrate(database_url)
    with engine.begin() as connection:
        connection.execute(purses.insert(), {"id": "old", "coins": 6})  # as a worker of the version before writes it
        given = connection.execute(text("SELECT id, coins, coins_given FROM purses ORDER BY id")).all()
    engine.dispose()
    assert given == [("ada", 5, 1234), ("bob", 5, 0), ("eve", 5, 0), ("kim", 5, 0), ("old", 6, 0)]
