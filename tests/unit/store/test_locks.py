"""Two transactions at once. PostgreSQL locks rows; SQLite lets one writer in at a time."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from gameserver.errors import Corrupt, Retryable
from gameserver.modules.chat.entities import LINES_KEPT, ChatLine
from gameserver.modules.sessions.entities import Account, Player, Session
from gameserver.modules.world.entities import ZoneClock
from gameserver.store import Store, engine
from gameserver.store.store import Stored
from gameserver.testing.two_zones import WORLD, account_of, player, players, put_in, session_of
from tests.databases import Cluster
from tests.selections import selected

WAIT_S_MAX = 20.0
ADA, BOB = player(), player("Bob")


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Store]:
    store = Store(postgresql_url, WORLD)
    yield store
    store.close()


@pytest.fixture
def another() -> Iterator[ThreadPoolExecutor]:
    """A thread for the other transaction."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def wait_until(condition: Callable[[], Any]) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline_s, "the condition never came true"
        time.sleep(0.005)


def someone_waits(store: Store) -> bool:
    """Whether a transaction waits for a lock in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with store._engine.connect() as connection:
        return bool(connection.scalar(text(waiting)))


def waits_or_is_done(store: Store, other: Future[Any]) -> bool:
    return other.done() or someone_waits(store)


def step(store: Store, body: str) -> Player:
    """One tile east, read and written in one transaction."""
    with store.transaction() as transaction:
        before = players(transaction.load([selected(players=(body,))]))[body]
        after = replace(before, x=before.x + 1)
        put_in(transaction, [after], [])
        return after


def test_two_who_change_the_same_player_take_turns(postgresql: Store, another: ThreadPoolExecutor) -> None:
    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA, BOB], [])
    with postgresql.transaction() as first:
        before = players(first.load([selected(players=("ada",))]))["ada"]
        second = another.submit(step, postgresql, "ada")
        wait_until(lambda: waits_or_is_done(postgresql, second))
        assert not second.done(), "the second must wait for the first"
        put_in(first, [replace(before, x=before.x + 10)], [])
    assert second.result(WAIT_S_MAX).x == ADA.x + 11


def test_two_who_change_different_players_do_not_wait(postgresql: Store, another: ThreadPoolExecutor) -> None:
    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA, BOB], [])
    with postgresql.transaction() as first:
        first.load([selected(players=("ada",))])
        assert another.submit(step, postgresql, "bob").result(WAIT_S_MAX).x == BOB.x + 1


def test_a_second_run_of_an_event_waits_for_the_first_and_sees_it_done(
    postgresql: Store, another: ThreadPoolExecutor
) -> None:
    def seen() -> Player:
        with postgresql.transaction() as transaction:
            return players(transaction.load([selected(players=("ada",))]))["ada"]

    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA], [])
    with postgresql.transaction() as first:
        done = replace(players(first.load([selected(players=("ada",))]))["ada"], marks='{"act":[5,0]}')
        second = another.submit(seen)
        wait_until(lambda: waits_or_is_done(postgresql, second))
        put_in(first, [done], [])
    assert second.result(WAIT_S_MAX) == done


@pytest.mark.parametrize("changes", [{"x": 9}, {"xp": 9}, {"x": 9, "xp": 9}], ids=["place", "rest", "both"])
def test_who_waited_for_a_player_sees_all_of_it_as_it_is_now(
    postgresql: Store, another: ThreadPoolExecutor, changes: dict[str, int]
) -> None:
    """Its two rows are read as one statement found them, and waited for one after the other."""

    def grown() -> None:
        with postgresql.transaction() as transaction:
            found = players(transaction.load([selected(players=("ada",))]))["ada"]
            put_in(transaction, [replace(found, x=found.x + 1, xp=found.xp + 1)], [])

    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA], [])
    with postgresql.transaction() as first:
        changed = replace(players(first.load([selected(players=("ada",))]))["ada"], **changes)
        second = another.submit(grown)
        wait_until(lambda: waits_or_is_done(postgresql, second))
        put_in(first, [changed], [])
    second.result(WAIT_S_MAX)
    with postgresql.transaction() as transaction:
        found = players(transaction.load([selected(players=("ada",))]))["ada"]
    assert found == replace(changed, x=changed.x + 1, xp=changed.xp + 1)


def test_of_two_who_talk_in_a_channel_the_later_removes_what_both_are_too_many(
    postgresql: Store, another: ThreadPoolExecutor
) -> None:
    def line(n: int) -> ChatLine:
        return ChatLine(id=f"l{n:03}", channel="town", by="Ada", text="x", at_ms=n)

    def says(n: int) -> None:
        with postgresql.transaction() as transaction:
            put_in(transaction, [line(n)], [])

    with postgresql.transaction() as transaction:
        put_in(transaction, [line(n) for n in range(LINES_KEPT)], [])
    with postgresql.transaction() as transaction:
        put_in(transaction, [line(LINES_KEPT)], [])
        other = another.submit(says, LINES_KEPT + 1)
        wait_until(lambda: waits_or_is_done(postgresql, other))
    other.result(WAIT_S_MAX)
    with postgresql._engine.connect() as connection:
        kept = connection.scalars(text("SELECT id FROM chat_lines ORDER BY id")).all()
    assert kept == [f"l{n:03}" for n in range(2, LINES_KEPT + 2)]


def test_of_two_who_register_the_same_name_one_must_come_again(postgresql: Store, another: ThreadPoolExecutor) -> None:
    def register(password: str) -> None:
        with postgresql.transaction() as transaction:
            assert not transaction.load([selected(accounts=("ada",))]).of(Account)
            put_in(transaction, [account_of(ADA, password), ADA], [])

    with postgresql.transaction() as first:
        assert not first.load([selected(accounts=("ada",))]).of(Account)
        put_in(first, [account_of(ADA, "first"), ADA], [])
        second = another.submit(register, "second")
        wait_until(lambda: waits_or_is_done(postgresql, second))
    with pytest.raises(Retryable, match="conflict"):
        second.result(WAIT_S_MAX)
    account = postgresql.get(Account, "ada")
    assert account is not None
    assert account.password_hash == "hashed first"


def test_a_session_may_end_while_an_event_of_it_is_applied(postgresql: Store, another: ThreadPoolExecutor) -> None:
    def login() -> None:
        with postgresql.transaction() as transaction:
            found = transaction.load([selected(accounts=("ada",), sessions_of=("ada",), players=("ada",))])
            put_in(transaction, [players(found)["ada"]], list(found.of(Session).values()))

    with postgresql.transaction() as transaction:
        put_in(transaction, [account_of(ADA), ADA, session_of(ADA)], [])
    with postgresql.transaction() as walking:
        before = players(walking.load([selected(players=("ada",))]))["ada"]
        entering = another.submit(login)
        wait_until(lambda: waits_or_is_done(postgresql, entering))
        put_in(walking, [replace(before, x=1)], [])
        walking.keep([Stored("s-ada/act", 0, "s-ada", 1, b"x")])
    entering.result(WAIT_S_MAX)


def test_a_logout_may_meet_an_event_of_its_session(postgresql: Store, another: ThreadPoolExecutor) -> None:
    def logout() -> None:
        with postgresql.transaction() as transaction:
            found = transaction.load([selected(players=("ada",), sessions=("s-ada",))])
            put_in(transaction, [players(found)["ada"]], list(found.of(Session).values()))

    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA, session_of(ADA)], [])
    with postgresql.transaction() as walking:
        before = players(walking.load([selected(players=("ada",))]))["ada"]
        leaving = another.submit(logout)
        wait_until(lambda: waits_or_is_done(postgresql, leaving))
        put_in(walking, [replace(before, x=1)], [])
        walking.keep([Stored("s-ada/act", 0, "s-ada", 1, b"x")])
    leaving.result(WAIT_S_MAX)


# The world's troubles.


def test_a_locked_database_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT_S", 0.05)
    file = tmp_path / "world.sqlite"
    store = Store(f"sqlite:///{file}", WORLD)
    store.migrate()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retryable, match="conflict"), store.transaction():
        pytest.fail("nobody gets in")
    other.execute("ROLLBACK")
    other.close()
    assert step_of_new(store) == 1
    store.close()


def step_of_new(store: Store) -> int:
    with store.transaction() as transaction:
        put_in(transaction, [replace(ADA, x=0)], [])
    return step(store, "ada").x


def test_a_database_without_tables_may_be_tried_again(database_url: str) -> None:
    store = Store(database_url, WORLD)
    lacks = "schema_differs: The database is at migration none and lacks .*: gameserver migrate"
    with pytest.raises(Retryable, match=lacks):
        store.get(Account, "ada")
    with pytest.raises(Retryable, match=lacks), store.transaction() as transaction:
        transaction.load([selected(players=("x",))])
    store.migrate()
    assert store.get(Account, "ada") is None
    store.close()


def test_a_database_that_is_away_may_be_tried_again(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    store = Store(f"postgresql://nobody@/none?host={tmp_path}", WORLD)
    with pytest.raises(Retryable, match="database_away"), store.transaction():
        pytest.fail("nobody gets in")
    store.close()


def test_a_connection_that_was_cut_is_made_again(postgresql: Store, postgresql_cluster: Cluster) -> None:
    with postgresql.transaction() as transaction:
        put_in(transaction, [ADA], [])
    postgresql_cluster.cut(Cluster.migrated)
    assert step(postgresql, "ada").x == ADA.x + 1


def test_a_connection_that_is_cut_in_the_middle_may_be_tried_again(
    postgresql: Store, postgresql_cluster: Cluster
) -> None:
    def save_both() -> None:
        with postgresql.transaction() as transaction:
            put_in(transaction, [ADA], [])
            postgresql_cluster.cut(Cluster.migrated)
            put_in(transaction, [BOB], [])

    with pytest.raises(Retryable, match="database_away"):
        save_both()
    with postgresql.transaction() as transaction:
        assert not players(transaction.load([selected(players=("ada", "bob"))]))


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(Corrupt, match="DATABASE_URL: mysql is neither sqlite nor postgresql"):
        Store("mysql://localhost/x", WORLD)


def test_threads_of_a_store_write_one_after_the_other(migrated_url: str) -> None:
    store = Store(migrated_url, WORLD)
    with store.transaction() as transaction:
        put_in(transaction, [replace(ADA, x=0)], [])
    stores = [Store(migrated_url, WORLD) for _ in range(3)]
    threads = [threading.Thread(target=lambda s=s: [step(s, "ada") for _ in range(15)]) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S_MAX)
    assert step(store, "ada").x == 46
    for opened in (store, *stores):
        opened.close()


def test_who_makes_a_row_that_is_there_by_now_waits_for_nobody_who_has_only_locked_it(postgresql: Store) -> None:
    """Otherwise a zone's first tick, which holds players, would wait for the next one, which waits for these."""
    late, meadow = [selected(zones=("meadow",))], ZoneClock(id="meadow", tick=1)
    with suppress(Retryable), postgresql.transaction() as first:
        first.load(late)
        with postgresql.transaction() as second:
            put_in(second, [meadow], [])
        with postgresql.transaction() as third:
            third.load(late)
            with pytest.raises(Retryable, match="duplicate key"):
                put_in(first, [meadow], [])
