"""A trial counts as begun only when it has all that it needs: who waits for somebody else's lock has not begun."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from celery.exceptions import Reject

from gameserver.broker.topology import PLAIN
from gameserver.errors import Retryable
from gameserver.messages.envelope import Envelope
from gameserver.modules.trade.events import Give
from gameserver.rules.outcome import Context, Outcome, State, rule
from gameserver.store import engine
from gameserver.store.store import Trial
from tasks.processor import BatchProcessor
from tests.unit.processing.workshop import ADA, BOB, Workshop

LOCK_WAIT_S = 0.05


@pytest.fixture
def hasty(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A workshop that waits for no lock for long."""
    monkeypatch.setattr(engine, "LOCK_WAIT_S", LOCK_WAIT_S)
    monkeypatch.setattr(engine, "POSTGRESQL_OPTIONS", f"-c lock_timeout={int(LOCK_WAIT_S * 1000)}")
    made = Workshop(migrated_url)
    made.enter(ADA, BOB)
    yield made
    made.store.close()


@contextmanager
def somebody_holds_ada(url: str) -> Iterator[None]:
    """Another connection to the database has her row locked; on SQLite, which knows no such locks, everything."""
    other = engine.open_engine(url)
    connection = other.raw_connection()
    sqlite = other.dialect.name == "sqlite"
    connection.cursor().execute("BEGIN IMMEDIATE" if sqlite else "SELECT id FROM players WHERE id = 'ada' FOR UPDATE")
    yield
    connection.rollback()
    connection.close()
    other.dispose()


def gift(workshop: Workshop) -> Envelope:
    return workshop.tell(ADA, Give(to="bob", coins=10, seq=1))


def test_a_trial_is_counted_while_its_rule_is_played_and_forgotten_at_its_end(hasty: Workshop) -> None:
    seen = []
    give: Any = hasty.rules["give"]

    @rule(needs=give.needs)
    def curious(state: State, event: Give, context: Context) -> Outcome:
        seen.append(hasty.store.trials([context.id]))
        outcome: Outcome = give(state, event, context)
        return outcome

    hasty.rules["give"] = curious
    envelope = gift(hasty)
    hasty.applier.apply([envelope], trial=Trial(envelope.id, 1))
    assert (seen, hasty.store.trials([envelope.id])) == ([{envelope.id: 1}], {})


def test_who_waits_for_a_lock_has_not_begun(hasty: Workshop, migrated_url: str) -> None:
    envelope = gift(hasty)
    trial = Trial(envelope.id, 1)
    with somebody_holds_ada(migrated_url):
        with pytest.raises(Retryable):
            hasty.applier.apply([envelope], trial=trial)
        assert hasty.store.trials([envelope.id]) == {}
    hasty.applier.apply([envelope], trial=trial)
    assert hasty.coins("bob") == 110


class Killed(BaseException):
    """Its worker is gone."""


# Where somebody else's lock is waited for.
WAITS = {
    "sqlite": "gameserver.store.writer_lock.WriterLock._lock",
    "postgresql": "gameserver.store.store.Transaction.load",
}


def test_who_is_killed_while_it_waits_for_a_lock_has_not_begun(
    hasty: Workshop, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = gift(hasty)
    with monkeypatch.context() as patch:
        patch.setattr(WAITS[migrated_url.split(":")[0]], lambda *_: _raise(Killed()))
        with pytest.raises(Killed):
            hasty.applier.apply([envelope], trial=Trial(envelope.id, 1))
    assert hasty.store.trials([envelope.id]) == {}


def test_who_gives_way_later_takes_the_trial_back_and_who_fails_does_not(
    hasty: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = gift(hasty)
    errors: Sequence[Exception] = (Retryable("conflict", "Not now."), ZeroDivisionError())
    for error, counted in zip(errors, ({}, {envelope.id: 1}), strict=True):
        with monkeypatch.context() as patch:
            patch.setattr("gameserver.store.store.Transaction.save", lambda *_, error=error: _raise(error))
            with pytest.raises(type(error)):
                hasty.applier.apply([envelope], trial=Trial(envelope.id, 1))
        assert hasty.store.trials([envelope.id]) == counted


def _raise(error: BaseException) -> None:
    raise error


class Nobody:
    """Hears everything and says nothing."""

    def outbound(self, *_: Any) -> None:
        """Nobody is told."""

    def task(self, *_: Any, **more: Any) -> None:
        raise AssertionError("nothing goes on from here")


def test_a_lock_that_is_held_for_long_makes_no_dead_letter(hasty: Workshop, migrated_url: str) -> None:
    """However often the lease runs out meanwhile, and the event is delivered again."""
    now_s = [0.0]
    publisher: Any = Nobody()
    server = BatchProcessor(
        applier=hasty.applier,
        store=hasty.store,
        publisher=publisher,
        queues=PLAIN,
        origin="test",
        clock_ms=lambda: hasty.now_ms,
        clock_s=lambda: now_s[0],
        pause=lambda seconds: now_s.__setitem__(0, now_s[0] + 2 * Give.spec.lease_s),
    )
    raw = msgspec.to_builtins([gift(hasty)])
    with somebody_holds_ada(migrated_url):
        for _ in range(Give.spec.max_attempts + 1):
            with pytest.raises(Reject) as rejected:
                server.handle(raw, task_id="t", tried=False, redelivered=True)
            assert rejected.value.requeue
    server.handle(raw, task_id="t", tried=False, redelivered=True)
    assert hasty.coins("bob") == 110
    assert hasty.store.dead_letters() == []
    assert hasty.rows()["trials"] == 0
