"""What PostgreSQL's disk is waited for: what a durable event did, and what stands in the outbox."""

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from gameserver.modules.combat.events import Reward
from gameserver.modules.movement.events import Move, Walked
from gameserver.modules.trade.events import Give, Purse
from gameserver.rules.outcome import Context, Outcome, State, rule
from gameserver.store import statements
from tests.unit.processing.workshop import ADA, BOB, Workshop

CHANNEL = "committed_later"


@pytest.fixture
def later(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A connection that hears of each transaction that did not wait for the disk."""
    setting, commit = statements.COMMIT_LATER.split("; ")
    monkeypatch.setattr(statements, "COMMIT_LATER", f"{setting}; NOTIFY {CHANNEL}; {commit}")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection


@pytest.fixture
def workshop(postgresql_url: str) -> Iterator[Workshop]:
    made = Workshop(postgresql_url)
    with contextlib.closing(made.store):
        yield made


def heard(later: psycopg.Connection) -> int:
    """How many transactions did not wait since it was asked last."""
    later.execute("SELECT 1")  # what was committed before is told by now
    return len(list(later.notifies(timeout=0)))


def test_a_step_waits_for_no_disk(workshop: Workshop, later: psycopg.Connection) -> None:
    workshop.enter(ADA)
    assert heard(later) == 0
    workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1)))
    workshop.apply(workshop.tell(ADA, Purse(seq=2)))
    assert heard(later) == 2
    assert workshop.player("ada").x == ADA.x + 1


def test_coins_do(workshop: Workshop, later: psycopg.Connection) -> None:
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Give(to="Bob", coins=1, seq=1)))
    assert heard(later) == 0


def test_what_stands_in_the_outbox_does_whatever_wrote_it(workshop: Workshop, later: psycopg.Connection) -> None:
    @rule()
    def finds_something(state: State, event: Move, context: Context) -> Outcome:
        return Outcome(result=Walked(zone="meadow", x=1, y=1), events=(Reward(player="ada", xp=1, slain="rat"),))

    workshop.enter(ADA)
    workshop.rules["move"] = finds_something
    applied = workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1)))
    assert [born.in_outbox for born in applied.born] == [True]
    assert heard(later) == 0
