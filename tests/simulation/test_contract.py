"""The store of the simulation keeps the real one's contract, as far as the simulation leans on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gameserver.rules.outcome import Needs, Waiting
from gameserver.store import Store
from gameserver.store.store import DeadLetter, Stored
from gameserver.world.state import Player, Session
from tests.simulation.house import WORLD
from tests.simulation.memory_store import MemoryStore

ADA = Player(id="ada", name="Ada", zone="field", x=1, y=1, gateway="g", conn="c", session="s", marks='{"act":[7,1]}')
SESSION = Session(id="s", player="ada", gateway="g", conn="c", token="now", token_before="before")
KEY = "s/act"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Either store, empty."""
    if request.param == "memory":
        yield MemoryStore(WORLD)
        return
    real = Store(f"sqlite:///{tmp_path / 'world.sqlite'}", WORLD)
    real.migrate()
    yield real
    real.close()


def do(store: Any, work: Callable[[Any], Any]) -> Any:
    with store.transaction() as transaction:
        return work(transaction)


@pytest.fixture
def lived_in(store: Any) -> Any:
    """A store in which Ada has a session."""
    do(store, lambda t: t.save([ADA, SESSION], []))
    return store


def test_what_was_saved_is_loaded(lived_in: Any) -> None:
    state = do(lived_in, lambda t: t.load([Needs(players=("ada",), sessions_of=("ada",))]))
    assert state.players["ada"] == ADA
    assert state.sessions["s"] == SESSION


def test_a_transaction_that_breaks_leaves_nothing(lived_in: Any) -> None:
    def work(transaction: Any) -> None:
        transaction.save([Player(id="bob", name="Bob", zone="field", x=2, y=2)], [SESSION])
        transaction.add_waiting([Waiting("w", "mail", "ada", b"x")], 1, 1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        do(lived_in, work)
    state = do(lived_in, lambda t: t.load([Needs(players=("bob",), sessions=("s",))]))
    assert "bob" not in state.players
    assert "s" in state.sessions
    assert do(lived_in, lambda t: t.waiting(["w"])) == frozenset()


def test_outcomes_are_kept_as_long_as_their_session_and_their_slot(lived_in: Any) -> None:
    do(lived_in, lambda t: t.keep([Stored(KEY, 0, "s", 7, b"reply"), Stored(KEY, 1, "s", 8, b"other")]))
    assert do(lived_in, lambda t: t.stored(KEY, 7)) == b"reply"
    assert do(lived_in, lambda t: t.stored(KEY, 6)) is None
    do(lived_in, lambda t: t.keep([Stored(KEY, 0, "s", 9, b"later")]))  # the ring comes round
    assert do(lived_in, lambda t: t.stored(KEY, 7)) is None
    do(lived_in, lambda t: t.save([], [SESSION]))
    assert do(lived_in, lambda t: t.stored(KEY, 8)) is None


def test_a_token_and_the_one_before_open_the_session_and_nothing_else_does(lived_in: Any) -> None:
    assert lived_in.session_by_token("now") == SESSION
    assert lived_in.session_by_token("before") == SESSION
    assert lived_in.session_by_token("") is None
    assert lived_in.session_by_token("other") is None


def test_the_outbox_keeps_a_row_until_it_is_removed(lived_in: Any) -> None:
    row = Waiting("w", "mail", "ada", b"x")
    do(lived_in, lambda t: t.add_waiting([row], 1, 5))
    do(lived_in, lambda t: t.add_waiting([Waiting("w", "mail", "ada", b"again")], 2, 9))
    state = do(lived_in, lambda t: t.load([Needs(mail=("ada",), mail_counts=("ada",))]))
    assert state.mail["ada"] == (row,)
    assert state.mail_counts == {"ada": 1}
    due = Needs(orphans_before_ms=1, now_ms=5)
    assert do(lived_in, lambda t: t.load([due])).due == (row,)
    do(lived_in, lambda t: t.postpone_waiting(["w"], 50))
    assert do(lived_in, lambda t: t.load([due])).due == ()
    lived_in.published(["w"])
    assert do(lived_in, lambda t: t.waiting(["w"])) == frozenset()


def test_trials_are_counted_and_forgotten(store: Any) -> None:
    assert [store.begin_trial("e", 1), store.begin_trial("e", 2)] == [1, 2]
    assert store.trials(["e", "f"]) == {"e": 2}
    do(store, lambda t: t.forget_trials(["e"]))
    assert store.trials(["e"]) == {}


def test_a_dead_letter_is_kept_once_and_taken_once(store: Any) -> None:
    letter = DeadLetter("e", "chat", "say", "ada", 4, "cause", "traceback", b"{}", 1, 2)
    do(store, lambda t: (t.add_dead(letter), t.add_dead(letter)))
    assert store.dead_letters() == [letter]
    assert do(store, lambda t: t.take_dead("e")) == letter
    assert do(store, lambda t: t.take_dead("e")) is None
