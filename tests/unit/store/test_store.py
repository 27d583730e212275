import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Table, func, select, text
from sqlalchemy.engine import Dialect

from gameserver.declare.entity import Entity
from gameserver.errors import Retryable
from gameserver.modules.chat.entities import ChatLine, Membership
from gameserver.modules.chat.rules import ONLINE_COUNT, ONLINE_NAMES, history
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.hooks import HURT_ZONES
from gameserver.modules.creatures.hooks import BUSY_ZONES
from gameserver.modules.movement.bodies import present_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import in_view
from gameserver.modules.sessions.entities import Account, Gateway, Player, Session
from gameserver.modules.sessions.rules import lapsed_sessions
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.rules.needs import Merged, merge
from gameserver.rules.outcome import Waiting
from gameserver.store import DeadLetter, Store, outbox_reading, saving, selects
from gameserver.store import statements as rows_module
from gameserver.store.store import TIDY_PAGES, TIME_ASKED_EVERY_S, Stored, Transaction
from gameserver.store.tables import metadata, tables_of
from gameserver.testing.two_zones import (
    NOW_MS,
    WORLD,
    absent,
    account_of,
    creature,
    player,
    players,
    put_in,
    session_of,
)
from gameserver.testing.whole_entities import Whole
from tests.selections import selected

ADA, BOB = player(), player("Bob")


def save(store: Store, *things: Entity | Whole, drop: Sequence[Entity | Whole] = ()) -> None:
    with store.transaction() as transaction:
        put_in(transaction, things, drop)


def load(store: Store, **needs: Any) -> Any:
    with store.transaction() as transaction:
        return transaction.load([selected(**needs)])


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    with store._engine.connect() as connection:
        tables = metadata().tables.values()
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


# Things.

FILLED: dict[str, tuple[Entity, dict[str, Any]]] = {
    "account": (
        Account(id="ada", name="Ada", password_hash="$x$", created_ms=2**41),
        {"accounts": ("ada",)},
    ),
    "creature": (
        Creature(
            id="meadow.rat.1",
            kind="rat",
            zone="meadow",
            x=1,
            y=2,
            v=3,
            hp=4,
            prey="ada",
            act_due_ms=2**41 + 1,
            dead_until_ms=2**41 + 2,
            mood="chase",
            phase=5,
            owner="bob",
            respawn_ms=2**41 + 3,
            effects="e",
            wounds="w",
        ),
        {"creatures": ("meadow.rat.1",)},
    ),
    "session": (
        Session(
            id="s",
            player="ada",
            gateway="g",
            conn="c",
            token="t",
            token_before="u",
            expires_ms=2**41,
            since_ms=1,
            attempt=2,
        ),
        {"sessions": ("s",)},
    ),
    "clock": (ZoneClock(id="meadow", tick=2**40), {"clocks": ("meadow",)}),
    "gateway": (Gateway(id="g1", seen_ms=2**41, sessions=7), {"gateways": ("g1",)}),
    "membership": (Membership(id="trade/ada", channel="trade", player="ada"), {"memberships_of": ("ada",)}),
}


def test_a_player_comes_back_with_all_parts_as_they_were_saved(store: Store) -> None:
    filled = player(
        x=1,
        y=2,
        v=3,
        hp=4,
        hp_max=5,
        attack=6,
        defence=7,
        xp=2**40,
        steps_due_ms=2**41 + 1,
        attack_due_ms=2**41 + 2,
        dead_until_ms=2**41 + 3,
        hit_ms=2**41 + 4,
        gear="g",
        effects="e",
        rival="bob",
        rival_until_ms=2**41 + 5,
        duel_zone="here",
    )
    assert len(set(msgspec.structs.astuple(filled))) == len(filled.__struct_fields__), "no two alike"
    save(store, filled)
    assert players(load(store, players=("ada",))) == {"ada": filled}


@pytest.mark.parametrize("kind", FILLED)
def test_a_thing_comes_back_as_it_was_saved(store: Store, kind: str) -> None:
    thing, needs = FILLED[kind]
    assert len(set(msgspec.structs.astuple(thing))) == len(thing.__struct_fields__), "no two alike"
    save(store, thing)
    assert load(store, **needs).things[type(thing)] == {thing.id: thing}


def test_a_line_of_chat_keeps_its_unicode(store: Store) -> None:
    line = ChatLine(id="e1", channel="trade", by="Ada", text="grüße 世界 👩‍👩‍👧", at_ms=5)
    save(store, line)
    assert load(store, histories=("trade",)).found(history("trade")) == (line,)


@pytest.mark.parametrize(
    ("before", "after"),
    [(creature(), creature(hp=1, x=9)), (session_of(ADA), session_of(ADA, token="t2"))],
    ids=["creature", "session"],
)
def test_a_thing_that_is_put_again_replaces_what_was_there(store: Store, before: Any, after: Any) -> None:
    save(store, before)
    save(store, after)
    found = load(store, creatures=(after.id,), sessions=(after.id,))
    assert found.things[type(after)] == {after.id: after}


def test_a_player_who_is_put_again_replaces_what_was_there(store: Store) -> None:
    save(store, ADA)
    save(store, player(x=1, hp=3))
    assert players(load(store, players=("ada",))) == {"ada": player(x=1, hp=3)}


TOKENS = ("token", "token_before")
PLAYERS = st.builds(
    player,
    st.sampled_from(["Ada", "Bob", "Eve", "Zoe"]),
    x=st.integers(0, 31),
    hp=st.integers(0, 20),
    xp=st.integers(0, 2**40),
    conn=st.sampled_from(["", "NULL", '{"a\\,}']),
)
CROWD = st.lists(PLAYERS, unique_by=lambda body: body.id)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=CROWD, held=st.sets(st.sampled_from(["ada", "bob", "eve", "zoe"])), put=CROWD)
def test_what_is_put_is_there_whether_it_was_held_or_not(
    store: Store, there: list[Whole], held: set[str], put: list[Whole]
) -> None:
    everyone = ("ada", "bob", "eve", "zoe")
    with store.transaction() as transaction:
        put_in(transaction, there, [])
    with store.transaction() as transaction:
        transaction.load([selected(players=tuple(held))])
        put_in(transaction, put, [])
    assert players(load(store, players=everyone)) == {body.id: body for body in (*there, *put)}
    save(store, drop=[*there, *put])


def test_of_what_is_held_only_what_changed_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, ADA, BOB)
    run = noted(monkeypatch)
    with store.transaction() as transaction:
        found = players(transaction.load([selected(players=("ada", "bob"))]))
        put_in(transaction, list(found.values()), [])
    assert [statement for statement in run if not statement.startswith("SELECT")] == []
    walked = [replace(found["ada"], x=1, v=9), replace(found["bob"], y=1)]
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada", "bob"))])
        put_in(transaction, walked, [])
    assert re.match(r"UPDATE whereabouts SET x=\S+, y=\S+, v=\S+ (WHERE|FROM) ", run[-1])
    assert [statement.split()[1] for statement in run if statement.startswith("UPDATE")] == ["whereabouts"]
    assert players(load(store, players=("ada", "bob"))) == {body.id: body for body in walked}


def test_only_the_rows_are_written_that_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, ADA, BOB)
    written: list[tuple[str, int]] = []
    real = rows_module.Rows.change

    def change(self: rows_module.Rows, table: Table, columns: tuple[str, ...], rows: Sequence[Any]) -> None:
        written.append((table.name, len(rows)))
        real(self, table, columns, rows)

    monkeypatch.setattr(rows_module.Rows, "change", change)
    with store.transaction() as transaction:
        found = players(transaction.load([selected(players=("ada", "bob"))]))
        after = [replace(found["ada"], x=1), replace(found["bob"], x=1, hp=1)]
        put_in(transaction, after, [])
    assert written == [("players", 1), ("whereabouts", 2)]
    assert players(load(store, players=("ada", "bob"))) == {body.id: body for body in after}


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run from now on."""
    run: list[str] = []
    made = rows_module._text

    def note(statement: Any, dialect: Dialect) -> Any:
        text = made(statement, dialect)
        run.append(text.sql)
        return text

    monkeypatch.setattr(rows_module, "_text", note)
    return run


def test_what_was_read_without_a_lock_is_written_whole(store: Store) -> None:
    save(store, Gateway(id="g1", seen_ms=5, sessions=1))
    with store.transaction() as transaction:
        found = transaction.load([selected(gateways=("g1",))]).of(Gateway)["g1"]
        save_behind_its_back(transaction, found)
        put_in(transaction, [replace(found, seen_ms=9)], [])
    assert load(store, gateways=("g1",)).of(Gateway) == {"g1": Gateway(id="g1", seen_ms=9, sessions=1)}


def save_behind_its_back(transaction: Transaction, gone: Entity) -> None:
    """What another transaction may do to a row that is not locked."""
    saving.drop_things(transaction._rows, [gone])


def test_a_step_leaves_all_indexes_of_postgresql_alone(postgresql_url: str) -> None:
    store = Store(postgresql_url, WORLD)
    save(store, player(x=12))
    with store.transaction() as transaction:
        before = left_alone(transaction)
        found = players(transaction.load([selected(players=("ada",))]))["ada"]
        put_in(transaction, [replace(found, x=30, y=found.y + 1, v=found.v + 1, marks='{"act":[1,0]}')], [])
        assert left_alone(transaction) - before == 1
    store.close()


def left_alone(transaction: Transaction) -> int:
    """How many steps this connection has written without a change to any index, as far as not reported."""
    counted = "SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'whereabouts'"
    (count,) = transaction._rows.column(text(counted))
    return int(count)


def test_a_thing_that_is_dropped_is_gone_and_the_others_stay(store: Store) -> None:
    save(store, ADA, BOB)
    save(store, drop=[ADA])
    assert players(load(store, players=("ada", "bob"))) == {"bob": BOB}


def test_what_fails_half_way_never_happened(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as transaction:
            put_in(transaction, [ADA], [])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert players(load(store, players=("ada",))) == {}


def made(store: Store, password: str) -> None:
    """What a rule does that found no account of the name, if it found none."""
    with store.transaction() as transaction:
        transaction.load([selected(accounts=("ada",))])
        transaction._claims.held.clear()  # as if it had been made a moment after the look
        put_in(transaction, [account_of(ADA, password)], [])


def test_what_was_looked_for_in_vain_is_made_once_and_whoever_comes_second_is_told_of_the_conflict(
    store: Store,
) -> None:
    made(store, "mine")
    with pytest.raises(Retryable, match="conflict"):
        made(store, "theirs")
    account = store.get(Account, "ada")
    assert account is not None
    assert account.password_hash == "hashed mine"


# Loading.


def test_nothing_is_loaded_that_is_not_needed(store: Store) -> None:
    save(store, ADA, account_of(ADA), session_of(ADA), creature(), ZoneClock(id=PULSE, tick=1))
    assert all(not things for things in load(store).things.values())
    found = load(store, players=("ada", "nobody"))
    assert players(found) == {"ada": ADA}
    assert sum(len(things) for things in found.things.values()) == len(ADA.parts)


def test_the_sessions_of_a_player_are_found(store: Store) -> None:
    save(store, session_of(ADA), session_of(ADA, id="s-2"), session_of(BOB))
    assert set(load(store, sessions_of=("ada",)).of(Session)) == {"s-ada", "s-2"}


def test_a_zone_is_its_clock_its_creatures_and_the_players_present(store: Store) -> None:
    save(
        store,
        ADA,
        absent(BOB),
        player("Eve", zone="town"),
        creature(),
        creature("town.rat.1"),
        ZoneClock(id="meadow", tick=3),
        ZoneClock(id="town", tick=3),
    )
    found = load(store, zones=("meadow",))
    assert set(found.of(Body)) == {"ada"}
    assert set(found.of(Creature)) == {"meadow.rat.1"}
    assert set(found.of(ZoneClock)) == {"meadow"}
    assert [body.id for body in present_in(found, "meadow")] == ["ada"]


def test_around_a_player_is_what_is_in_view(store: Store) -> None:
    near, far = player("Bob", x=23, y=19), player("Eve", x=24, y=10)
    save(store, ADA, near, far, absent(player("Zoe")), creature(), creature("meadow.rat.5", x=24))
    found = load(store, players=("ada",), around=("ada",))
    assert set(found.of(Body)) == {"ada", "bob"}
    assert set(found.of(Creature)) == {"meadow.rat.1"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30), here=st.data())
def test_around_is_in_view_wherever_everyone_stands(store: Store, places: list[tuple[int, int]], here: Any) -> None:
    crowd = [player(f"P{n}", x=x, y=y) for n, (x, y) in enumerate(places)]
    viewer = here.draw(st.sampled_from(crowd))
    with store.transaction() as transaction:
        put_in(transaction, crowd, [])
        found = transaction.load([selected(players=(viewer.id,), around=(viewer.id,))])
        put_in(transaction, [], crowd)
    assert set(found.of(Body)) == {other.id for other in crowd if in_view(viewer, other)}


def test_who_looks_around_finds_those_present_by_their_index(store: Store) -> None:
    # Of fifty zones one is asked for: where all are in one zone, to read both tables by their keys is as good a plan.
    save(store, *(player(f"P{n}", zone="meadow" if n % 50 == 0 else f"zone{n % 50}", x=n % 32) for n in range(2_000)))
    box = {"zone": "meadow", "left": 8, "top": 0, "right": 31, "bottom": 19}
    with store._engine.connect() as connection:
        asked: Any = selects.within((Body, Player, Health)).compile(dialect=store._engine.dialect)
        values = tuple({**asked.params, **box}[name] for name in asked.positiontup)
        if store._engine.dialect.name == "postgresql":
            # Otherwise the plan depends on whether autovacuum came by, and when.
            connection.exec_driver_sql("ANALYZE players, whereabouts")
            connection.exec_driver_sql("SET enable_seqscan = off")  # a table as small as this would be read whole
            plan = connection.exec_driver_sql(f"EXPLAIN {asked}", values).fetchall()
            wanted = r"players_present.*Index Cond.*zone"
        else:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", values).fetchall()
            wanted = r"players_present \(zone=\?\)"
    told = " ".join(str(row) for row in plan)
    assert re.search(wanted, told), told


def test_what_was_not_told_is_looked_for_by_its_receivers(store: Store) -> None:
    """The index of times holds everything that nobody was told, whoever it is for."""
    rows = [Waiting(f"m{n:04}", "mail", f"p{n:04}", b"x", untold=True) for n in range(2_000)]
    with store.transaction() as transaction:
        transaction.add_waiting(rows, 1, 1)
    dialect = store._engine.dialect
    with store._engine.connect() as connection:
        asked: Any = outbox_reading._UNTOLD.compile(dialect=dialect)
        ids: Any = '["p0001"]' if dialect.name == "sqlite" else ["p0001"]
        values = tuple({**asked.params, "ids": ids}[name] for name in asked.positiontup)
        if dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE outbox")
        explain = "EXPLAIN" if dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"{explain} {asked}", values).fetchall())
    assert "outbox_player" in plan
    assert "outbox_due" not in plan


def test_a_zone_is_looked_through_once_for_all_its_viewers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    viewers = [player("Ann", x=0, y=0), player("Ben", x=31, y=19), player("Eve", zone="town", x=1)]
    crowd = [player(f"P{n}", x=n, y=n % 20) for n in range(32)] + [player("Zoe", zone="town", x=2)]
    save(store, *viewers, *crowd)
    run = noted(monkeypatch)
    ids = tuple(viewer.id for viewer in viewers)
    found = load(store, players=ids, around=ids)
    for viewer in viewers:
        assert {other.id for other in crowd if in_view(viewer, other)} <= set(found.of(Body))
    assert len([statement for statement in run if "BETWEEN" in statement and "players" in statement]) == 2


def test_around_somebody_unknown_is_nothing(store: Store) -> None:
    assert players(load(store, players=("ada",), around=("ada",))) == {}


def test_a_history_is_the_last_lines_oldest_first(store: Store) -> None:
    lines = [ChatLine(id=f"e{n:03}", channel="trade", by="Ada", text=str(n), at_ms=n // 2) for n in range(70)]
    save(store, *reversed(lines), ChatLine(id="x", channel="news", by="Ada", text="x", at_ms=999))
    found = load(store, histories=("trade", "none"))
    assert list(found.found(history("trade"))) == lines[-50:]
    assert found.found(history("none")) == ()


def test_mail_is_of_a_player_and_in_order(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.add_waiting([Waiting("m2", "mail", "ada", b"2"), Waiting("t1", "talk", "", b"t")], 20, 99)
        transaction.add_waiting([Waiting("m1", "mail", "ada", b"1"), Waiting("b1", "mail", "bob", b"b")], 10, 99)
    found = load(store, mail=("ada", "eve"), mail_counts=("ada", "bob", "eve"))
    assert found.mail == {"ada": (Waiting("m1", "mail", "ada", b"1"), Waiting("m2", "mail", "ada", b"2")), "eve": ()}
    assert found.mail_counts == {"ada": 2, "bob": 1}


def test_who_is_online_is_told_by_name(store: Store) -> None:
    save(store, BOB, ADA, absent(player("Eve")))
    found = load(store, online=True)
    assert (found.values(ONLINE_NAMES), found.count(ONLINE_COUNT)) == (("Ada", "Bob"), 2)


def test_zones_are_busy_where_players_are(store: Store) -> None:
    save(store, ADA, absent(player("Eve", zone="town")))
    assert load(store, busy_zones=True).values(BUSY_ZONES) == ("meadow",)


@pytest.mark.parametrize("changes", [{"hp": 3}, {"dead_until_ms": NOW_MS}])
def test_zones_hurt_where_players_are_wounded_or_dead(store: Store, changes: dict[str, int]) -> None:
    save(store, ADA, absent(player("Eve", zone="town", **changes)))
    assert load(store, busy_zones=True).values(HURT_ZONES) == ()
    save(store, player("Bob", **changes))
    assert load(store, busy_zones=True).values(HURT_ZONES) == ("meadow",)


def test_orphans_are_the_sessions_of_silent_gateways_and_those_past_their_time(store: Store) -> None:
    eve, zoe = player("Eve", gateway="g3"), absent(player("Zoe"))
    save(
        store,
        Gateway(id="g1", seen_ms=NOW_MS - 5, sessions=1),
        Gateway(id="g2", seen_ms=NOW_MS - 50, sessions=1),
        ADA,
        replace(BOB, gateway="g2"),
        eve,
        zoe,
        session_of(ADA),
        session_of(BOB, gateway="g2"),
        session_of(eve),
        Session(id="s-zoe", player="zoe", gateway="", conn="", token="", expires_ms=NOW_MS),
        Session(id="s-waits", player="zoe", gateway="", conn="", token="", expires_ms=NOW_MS + 1),
    )
    found = load(store, orphans_before_ms=NOW_MS - 10, now_ms=NOW_MS)
    assert set(found.of(Session)) == {"s-bob", "s-eve", "s-zoe"}
    assert set(found.of(Player)) == {"bob", "eve", "zoe"}


def test_what_is_due_is_sent_again_and_mail_only_to_those_who_are_there(store: Store) -> None:
    save(store, ADA, absent(BOB))
    due = [Waiting("m1", "mail", "ada", b""), Waiting("t1", "talk", "", b""), Waiting("r1", "event", "", b"")]
    with store.transaction() as transaction:
        transaction.add_waiting([*due, Waiting("m2", "mail", "bob", b"")], NOW_MS - 9, NOW_MS)
        transaction.add_waiting([Waiting("m3", "mail", "ada", b"")], NOW_MS, NOW_MS + 1)
    found = load(store, orphans_before_ms=1, now_ms=NOW_MS)
    assert set(found.due) == set(due)
    assert found.of(Player)["ada"] in ADA.parts
    with store.transaction() as transaction:
        transaction.postpone_waiting(["m1", "t1"], NOW_MS + 1)
    assert [row.id for row in load(store, orphans_before_ms=1, now_ms=NOW_MS).due] == ["r1"]


def test_the_needs_of_a_batch_are_gathered_each_once() -> None:
    merged = merge(
        [
            selected(players=("b", "a"), online=True, orphans_before_ms=3),
            selected(players=("c", "a"), zones=("meadow",), orphans_before_ms=9, now_ms=4),
            selected(now_ms=2),
            selected(),
        ]
    )
    assert merged.rows == {
        Player: {("id", ""): {"a", "b", "c"}},
        Body: {("id", ""): {"a", "b", "c"}, ("zone", "present"): {"meadow"}},
        Health: {("id", ""): {"a", "b", "c"}},
        Strength: {("id", ""): {"a", "b", "c"}},
        Duel: {("id", ""): {"a", "b", "c"}},
        Creature: {("zone", ""): {"meadow"}},
        ZoneClock: {("id", ""): {"meadow"}},
    }
    assert list(merged.columns) == [ONLINE_NAMES]
    assert merged.counts == {(Player, "present", ""): {None}}
    assert list(merged.matching.values()) == [lapsed_sessions(3, 0), lapsed_sessions(9, 4)]
    assert merged.due_ms == 4
    assert not any(getattr(merge([]), name) for name in Merged.__slots__)


# Reading without a lock.


def test_an_account_and_a_session_may_be_read_while_another_writes(store: Store) -> None:
    save(store, account_of(ADA), session_of(ADA))
    with store.transaction() as transaction:
        transaction.load([selected(accounts=("ada",), sessions=("s-ada",))])
        put_in(transaction, [session_of(ADA, token="#t2")], [])
        assert store.get(Account, "ada") == account_of(ADA)
        assert store.find(Session, TOKENS, "#t-ada") == session_of(ADA)
        assert store.find(Session, TOKENS, "#t2") is None


def test_a_session_is_found_by_its_token_and_by_the_one_before(store: Store) -> None:
    held = session_of(ADA, token="new", token_before="old")
    save(store, held, session_of(BOB, token_before=""))
    assert store.find(Session, TOKENS, "new") == store.find(Session, TOKENS, "old") == held
    assert store.find(Session, TOKENS, "other") is None
    assert store.find(Session, TOKENS, "") is None
    assert store.get(Account, "ada") is None


# Outcomes.


def test_outcomes_go_round_in_their_ring(store: Store) -> None:
    save(store, session_of(ADA))
    with store.transaction() as transaction:
        for seq in range(1, 8):
            transaction.keep([Stored("s-ada/act", seq % 3, "s-ada", seq, b"%d" % seq)])
        kept = {seq: transaction.stored("s-ada/act", seq) for seq in range(1, 8)}
    assert kept == {1: None, 2: None, 3: None, 4: None, 5: b"5", 6: b"6", 7: b"7"}
    assert rows(store)["outcomes"] == 3


def test_a_session_that_ends_takes_its_outcomes_along(store: Store) -> None:
    save(store, session_of(ADA), session_of(BOB))
    with store.transaction() as transaction:
        for session in ("s-ada", "s-bob"):
            transaction.keep([Stored(f"{session}/act", 0, session, 1, b"x")])
    save(store, drop=[session_of(ADA)])
    counts = rows(store)
    assert (counts["sessions"], counts["outcomes"]) == (1, 1)
    with store.transaction() as transaction:
        assert transaction.stored("s-bob/act", 1) == b"x"
        assert transaction.stored("s-ada/act", 1) is None


# Outbox, trials, dead letters.


def test_what_waits_is_there_until_it_is_dealt_with(store: Store) -> None:
    row = Waiting("r1", "event", "", b"\x00\xff")
    with store.transaction() as transaction:
        transaction.add_waiting([row, Waiting("r2", "talk", "", b"")], 1, 2)
        transaction.add_waiting([Waiting("r1", "event", "", b"another")], 1, 2)
        assert transaction.waiting(["r1", "r2", "r3"]) == {"r1", "r2"}
        assert transaction.waiting([]) == frozenset()
    store.published(["r2", "r9"])
    store.published([])
    with store.transaction() as transaction:
        assert transaction.waiting(["r1", "r2"]) == {"r1"}
    assert load(store, orphans_before_ms=1, now_ms=5).due == (row,)


def test_trials_are_counted_and_forgotten(store: Store) -> None:
    assert [store.begin_trial("e1", 5), store.begin_trial("e1", 6), store.begin_trial("e2", 6)] == [1, 2, 1]
    assert store.trials(["e1", "e2", "e3"]) == {"e1": 2, "e2": 1}
    with store.transaction() as transaction:
        transaction.forget_trials(["e1"])
        transaction.forget_trials([])
    assert store.trials(["e1", "e2"]) == {"e2": 1}


def letter(id_: str = "e1", **changes: Any) -> DeadLetter:
    made = DeadLetter(
        id=id_,
        family="combat",
        event="attack",
        player="ada",
        attempts=4,
        cause="ValueError: x",
        traceback="...",
        envelope=b"{}",
        at_ms=1,
        dead_ms=NOW_MS,
    )
    return replace(made, **changes)


def test_dead_letters_are_found_by_what_is_asked_and_newest_first(store: Store) -> None:
    letters = [letter("e1"), letter("e2", family="chat", dead_ms=NOW_MS + 5), letter("e3", player="bob", dead_ms=5)]
    with store.transaction() as transaction:
        for one in letters:
            transaction.add_dead(one)
    assert store.dead_letters() == [letters[1], letters[0], letters[2]]
    assert store.dead_letters(most=1) == [letters[1]]
    assert store.dead_letters(family="combat", player="Ada") == [letters[0]]
    assert store.dead_letters(since_ms=NOW_MS) == [letters[1], letters[0]]
    assert store.dead_letters(id_="e3") == [letters[2]]


def test_a_dead_letter_is_kept_once_and_taken_once(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.add_dead(letter())
        transaction.add_dead(letter(cause="another"))
        assert transaction.take_dead("e1") == letter()
        assert transaction.take_dead("e1") is None


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seqs=st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_outcomes_never_fill_more_than_their_ring(store: Store, seqs: list[int]) -> None:
    save(store, session_of(ADA))
    with store.transaction() as transaction:
        for n, seq in enumerate(seqs):
            transaction.keep([Stored("s-ada/act", n % 8, "s-ada", seq, b"x")])
    assert rows(store)["outcomes"] <= 8


def test_a_token_is_looked_up_by_an_index() -> None:
    indexed = {column.name for index in tables_of(Session)[0].indexes for column in index.columns}
    assert {"token", "token_before", "player", "gateway"} <= indexed


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """A database's file; what stands in its log alone is not in it."""
    return tmp_path / "world" / "game.db"


def crowd(n: int) -> list[Account]:
    """A third of what makes a store untidy."""
    names = [f"p{n}.{k}" for k in range(TIDY_PAGES // 3 + 1)]
    return [Account(id=name, name=name, password_hash="", created_ms=0) for name in names]


def in_the_file(path: Path, copy: Path) -> int:
    """How many accounts stand in a database's file, without its log."""
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        return int(connection.execute("SELECT count(*) FROM accounts").fetchone()[0])


def test_tidying_copies_a_log_that_has_grown_into_the_database(sqlite_file: Path, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{sqlite_file}", WORLD)
    store.migrate()
    counts = []
    for n in range(1, 5):
        save(store, *crowd(n))
        store.tidy()
        counts.append(in_the_file(sqlite_file, tmp_path / "copy.db"))
    assert counts == [0, 0, 3 * len(crowd(0)), 3 * len(crowd(0))]
    store.close()


def test_a_store_that_was_tidied_is_tidied_again_when_its_connection_is_another(
    sqlite_file: Path, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{sqlite_file}", WORLD)
    store.migrate()
    for n in range(3):
        save(store, *crowd(n))
        store.tidy()
        store._engine.dispose()
    for n in range(3, 9):
        save(store, *crowd(n))
        store.tidy()
    assert in_the_file(sqlite_file, tmp_path / "copy.db") >= 6 * len(crowd(0))
    store.close()


def test_there_is_nothing_to_tidy_where_the_database_does_so_itself(store: Store) -> None:
    save(store, account_of(ADA))
    store.tidy()
    assert store.get(Account, "ada") is not None


# The time.


def test_the_time_is_the_database_servers_and_a_machines_own_where_the_database_is_its_own(
    store: Store, migrated_url: str
) -> None:
    ahead = Store(migrated_url, WORLD, wall_ms=lambda: int(time.time() * 1000) + 600_000)
    ahead.learn_time()
    wrong_ms = 0 if migrated_url.startswith("postgresql") else 600_000
    assert ahead.now_ms() == pytest.approx(time.time() * 1000 + wrong_ms, abs=500)
    assert ahead.skew_ms() == pytest.approx(600_000 - wrong_ms, abs=500)
    ahead.close()


def test_the_time_is_asked_while_nobody_waits_and_not_each_time(store: Store) -> None:
    if store._clock is None:
        pytest.skip("a machine's own clock needs no asking")
    store.tidy()
    asked_s = store._clock.age_s
    assert asked_s < TIME_ASKED_EVERY_S
    store.tidy()
    assert store._clock.age_s >= asked_s
