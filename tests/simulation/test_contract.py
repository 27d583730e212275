"""The store of the simulation keeps the real one's contract, as far as the simulation leans on it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.errors import Corrupt, Retryable
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.hooks import BUSY_ZONES
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Account, Gateway, Session
from gameserver.modules.world.entities import ZoneClock
from gameserver.rules.outcome import Waiting
from gameserver.store import Store
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.store.unread_rows import PAUSE_MS
from gameserver.testing.two_zones import absent, player, players, put_in
from gameserver.testing.whole_entities import parts_of
from tests.selections import selected
from tests.simulation.cluster import WORLD
from tests.simulation.memory_store import MemoryStore

PLACE = {"zone": "field", "x": 1, "y": 1, "gateway": "g", "conn": "c", "session": "s"}
ADA = player(**PLACE, marks='{"act":[7,1]}')
SESSION = Session(id="s", player="ada", gateway="g", conn="c", token="now", token_before="before")
KEY = "s/act"


@pytest.fixture(params=["memory", "memory with one writer", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Any:
    """Each store, empty."""
    if request.param.startswith("memory"):
        yield MemoryStore(WORLD, one_writer=request.param.endswith("writer"))
        return
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else _sqlite(request)
    real = Store(url, WORLD)
    yield real
    real.close()


def _sqlite(request: pytest.FixtureRequest) -> str:
    url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'world.sqlite'}"
    real = Store(url, WORLD)
    real.migrate()
    real.close()
    return url


def do(store: Any, work: Callable[[Any], Any]) -> Any:
    with store.transaction() as transaction:
        return work(transaction)


def loaded(store: Any, **needs: Any) -> Any:
    return do(store, lambda t: t.load([selected(**needs)]))


@pytest.fixture
def lived_in(store: Any) -> Any:
    """A store in which Ada has a session."""
    do(store, lambda t: put_in(t, [ADA, SESSION], []))
    return store


def test_what_was_saved_is_loaded(lived_in: Any) -> None:
    state = loaded(lived_in, players=("ada",), sessions_of=("ada",))
    assert players(state)["ada"] == ADA
    assert state.of(Session)["s"] == SESSION


def test_nothing_is_loaded_but_what_is_needed(lived_in: Any) -> None:
    others = [
        player("Bob", **PLACE),
        player("Eve", **{**PLACE, "zone": "town"}),
        absent(player("Fay", **PLACE)),
        Creature(id="rat", kind="rat", zone="field", x=4, y=4),
        ZoneClock(id="field", tick=3),
        Gateway(id="g", seen_ms=9, sessions=1),
    ]
    do(lived_in, lambda t: put_in(t, others, []))
    assert set(loaded(lived_in, players=("ada",)).of(Body)) == {"ada"}
    field = loaded(lived_in, zones=("field",))
    assert set(field.of(Body)) == {"ada", "bob"}
    assert set(field.of(Creature)) == {"rat"}
    assert set(field.of(ZoneClock)) == {"field"}
    seen = loaded(lived_in, players=("ada",), around=("ada",))
    assert set(seen.of(Body)) == {"ada", "bob"}
    assert set(seen.of(Creature)) == {"rat"}
    assert loaded(lived_in, gateways=("g", "h")).of(Gateway) == {"g": Gateway(id="g", seen_ms=9, sessions=1)}
    assert sorted(loaded(lived_in, busy_zones=True).values(BUSY_ZONES)) == ["field", "town"]  # a database has no order


def test_a_session_is_due_when_its_gateway_is_silent_or_its_time_is_over(lived_in: Any) -> None:
    def due(before_ms: int, now_ms: int) -> set[str]:
        return set(loaded(lived_in, orphans_before_ms=before_ms, now_ms=now_ms).of(Session))

    heard = Gateway(id="g", seen_ms=10, sessions=1)
    over = replace(SESSION, id="over", player="bob", gateway="", expires_ms=50)
    do(lived_in, lambda t: put_in(t, [heard, over], []))
    assert due(10, 49) == set()
    assert due(11, 49) == {"s"}
    assert due(10, 50) == {"over"}


def writable(store: Any, thing: Any, **needs: Any) -> bool:
    def work(transaction: Any) -> None:
        transaction.load([selected(**needs)])
        for part in thing if isinstance(thing, tuple) else parts_of(thing):
            transaction.check_writable(part)

    try:
        do(store, work)
    except Corrupt as error:
        return error.code != "not_locked"
    return True


def test_what_was_not_locked_may_not_be_written_unless_it_is_new_or_written_blind(lived_in: Any) -> None:
    assert not writable(lived_in, ADA)
    assert not writable(lived_in, ADA, players=("bob",), around=("ada",))
    assert writable(lived_in, ADA, players=("ada",))
    assert writable(lived_in, player("New"), players=("new",))
    assert writable(lived_in, Gateway(id="g", seen_ms=1, sessions=1))
    assert writable(lived_in, ADA.parts[:3], around_locked=("ada",))
    assert not writable(lived_in, SESSION, players=("ada",))
    assert writable(lived_in, SESSION, sessions_of=("ada",))
    assert writable(lived_in, SESSION, orphans_before_ms=5, now_ms=9), "its gateway was never heard of"
    assert writable(lived_in, ADA.parts[0], orphans_before_ms=5, now_ms=9)


def test_a_transaction_that_breaks_leaves_nothing(lived_in: Any) -> None:
    def work(transaction: Any) -> None:
        put_in(transaction, [player("Bob")], [SESSION])
        transaction.add_waiting([Waiting("w", "mail", "ada", b"x")], 1, 1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        do(lived_in, work)
    state = loaded(lived_in, players=("bob",), sessions=("s",))
    assert "bob" not in players(state)
    assert "s" in state.of(Session)
    assert do(lived_in, lambda t: t.waiting(["w"])) == frozenset()


def test_who_makes_an_account_that_is_there_has_a_conflict(store: Any) -> None:
    do(store, lambda t: put_in(t, [Account(id="ada", name="Ada", password_hash="h", created_ms=1)], []))
    with pytest.raises(Retryable) as conflict:
        do(store, lambda t: put_in(t, [Account(id="ada", name="ADA", password_hash="h", created_ms=1)], []))
    assert conflict.value.code == "conflict"


@pytest.mark.parametrize("bad", [{"v": "many"}, {"v": None}, {"hp": 2**70}, {"name": "a\0b"}], ids=str)
def test_a_value_that_is_not_taken_is_the_datas_fault(lived_in: Any, bad: dict[str, Any]) -> None:
    def work(transaction: Any) -> None:
        body = players(transaction.load([selected(players=("ada",))]))["ada"]
        put_in(transaction, [replace(body, **bad)], [])

    with pytest.raises(Corrupt) as fault:
        do(lived_in, work)
    assert fault.value.code == "bad_data"


def test_outcomes_are_kept_as_long_as_their_session_and_their_slot(lived_in: Any) -> None:
    do(lived_in, lambda t: t.keep([Stored(KEY, 0, "s", 7, b"reply"), Stored(KEY, 1, "s", 8, b"other")]))
    assert do(lived_in, lambda t: t.stored(KEY, 7)) == b"reply"
    assert do(lived_in, lambda t: t.stored(KEY, 6)) is None
    do(lived_in, lambda t: t.keep([Stored(KEY, 0, "s", 9, b"later")]))  # the ring comes round
    assert do(lived_in, lambda t: t.stored(KEY, 7)) is None
    do(lived_in, lambda t: put_in(t, [], [SESSION]))
    assert do(lived_in, lambda t: t.stored(KEY, 8)) is None


def test_a_token_and_the_one_before_open_the_session_and_nothing_else_does(lived_in: Any) -> None:
    assert lived_in.find(Session, ("token", "token_before"), "now") == SESSION
    assert lived_in.find(Session, ("token", "token_before"), "before") == SESSION
    assert lived_in.find(Session, ("token", "token_before"), "") is None
    assert lived_in.find(Session, ("token", "token_before"), "other") is None


def test_the_outbox_keeps_a_row_until_it_is_removed(lived_in: Any) -> None:
    row = Waiting("w", "mail", "ada", b"x")
    do(lived_in, lambda t: t.add_waiting([row], 1, 5))
    do(lived_in, lambda t: t.add_waiting([Waiting("w", "mail", "ada", b"again")], 2, 9))
    state = loaded(lived_in, mail=("ada",), mail_counts=("ada",))
    assert state.mail["ada"] == (row,)
    assert state.mail_counts == {"ada": 1}
    assert loaded(lived_in, orphans_before_ms=1, now_ms=5).due == (row,)
    do(lived_in, lambda t: t.postpone_waiting(["w"], 50))
    assert loaded(lived_in, orphans_before_ms=1, now_ms=5).due == ()
    lived_in.published(["w"])
    assert do(lived_in, lambda t: t.waiting(["w"])) == frozenset()


def test_mail_of_who_is_not_there_is_not_due(lived_in: Any) -> None:
    do(lived_in, lambda t: t.add_waiting([Waiting("w", "mail", "ada", b"x"), Waiting("e", "event", "", b"y")], 1, 5))
    do(lived_in, lambda t: put_in(t, [replace(ADA, gateway="")], []))
    assert [row.id for row in loaded(lived_in, orphans_before_ms=1, now_ms=5).due] == ["e"]


def test_trials_are_counted_and_forgotten(store: Any) -> None:
    assert [store.begin_trial("e", 1), store.begin_trial("e", 2)] == [1, 2]
    assert store.trials(["e", "f"]) == {"e": 2}
    do(store, lambda t: t.forget_trials(["e"]))
    assert store.trials(["e"]) == {}


def test_a_row_that_cannot_be_read_is_looked_at_again_after_a_pause(store: Any) -> None:
    row = Waiting("w", "event", "", b"x")
    do(store, lambda t: t.add_waiting([row], 1, 5))
    do(store, lambda t: t.set_aside({row: "why"}, 10))
    assert loaded(store, orphans_before_ms=1, now_ms=10 + PAUSE_MS - 1).due == ()
    assert loaded(store, orphans_before_ms=1, now_ms=10 + PAUSE_MS).due == (row,)
    assert store.unread(10) == 1


def tried(store: Any, error: BaseException | None, times: int = 1) -> Trial:
    """A trial that was begun, and came to this end."""
    trial = Trial("e", 1)
    for _ in range(times):
        with suppress(RuntimeError, Retryable), store.transaction(trial) as transaction:
            transaction.begin_trial(trial)
            if error is not None:
                raise error
    return trial


@pytest.mark.parametrize("times", [1, 2])
def test_a_trial_that_was_begun_stays_counted_once_whatever_becomes_of_it(store: Any, times: int) -> None:
    assert tried(store, RuntimeError(), times).counted
    assert store.trials(["e"]) == {"e": 1}
    assert tried(store, None).counted
    assert store.trials(["e"]) == {"e": 2}
    store.forget_trials(["e"])
    assert store.trials(["e"]) == {}


def test_who_gives_way_takes_the_trial_back(store: Any) -> None:
    assert not tried(store, Retryable("conflict", "in the way")).counted
    assert store.trials(["e"]) == {}


def test_a_trial_that_was_forgotten_meanwhile_is_not_taken_back(store: Any) -> None:
    trial = Trial("e", 1, counted=True)
    with suppress(Retryable), store.transaction(trial):
        raise Retryable("conflict", "in the way")
    assert store.trials(["e"]) == {}
    assert store.begin_trial("e", 1) == 1


def test_a_dead_letter_is_kept_once_and_taken_once(store: Any) -> None:
    letter = DeadLetter("e", "chat", "say", "ada", 4, "cause", "traceback", b"{}", 1, 2)
    do(store, lambda t: (t.add_dead(letter), t.add_dead(letter)))
    assert store.dead_letters() == [letter]
    assert do(store, lambda t: t.take_dead("e")) == letter
    assert do(store, lambda t: t.take_dead("e")) is None
