"""No two transactions wait for each other in a circle; the hunt for it finds the circles that there were.

All pairs are hunted in ``tests/integration/test_deadlocks.py``; here are some.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import bindparam, update

from gameserver.modules.combat.gear import Gear, written
from gameserver.modules.world.entities import ZoneClock
from gameserver.processing import batch_transaction
from gameserver.store import store as store_module
from gameserver.store.locked_rows import Claims
from gameserver.store.statements import among
from gameserver.store.tables import outbox
from tests import deadlocks
from tests.deadlocks import ADA, BOB, EVE, PAIRS, hunt

ROUNDS_MAX = 60


def test_of_some_pairs_none_wait_in_a_circle(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with hunt(postgresql_url, monkeypatch, 1) as hunted:
        for pair in [("reward", "sweep"), ("ack", "sweep"), *[("stir", "stir")] * 8, *Random(1).sample(PAIRS, 25)]:
            hunted.pair(*pair)
        assert hunted.deadlocks == []


FIGHTS = (
    "cleave",
    "attack",
    "acceptduel",
    "forfeit",
    "tame",
    "release",
    "heel",
    "dissolve",
    "fall",
    "reward",
    "move",
    "logout",
)


def test_of_those_who_fight_none_wait_in_a_circle(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick locks whoever fights a duel in its zone, wherever they are; a wide blow locks what is near."""
    fights: dict[str, Any] = {"gear": written(Gear(sweeps=3)), "rival_until_ms": 2**50, "duel_zone": "meadow"}
    bodies = replace(ADA, rival="bob", **fights), replace(BOB, rival="ada", **fights), EVE
    monkeypatch.setattr(deadlocks, "BODIES", bodies)
    with hunt(postgresql_url, monkeypatch, 1) as hunted:
        for name in FIGHTS:
            for other in ("stir", "cleave"):
                hunted.pair(name, other)
                hunted.pair(other, name)
        assert hunted.deadlocks == []


def lock_the_outbox_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: rewards before their players, whom the sweep locks before rewards."""
    real = batch_transaction.BatchTransaction._begin

    def begin(self: Any, batch: Sequence[Any], needs: Any) -> None:
        self._transaction.waiting([item.envelope.id for item in batch if item.envelope.in_outbox])
        real(self, batch, needs)

    monkeypatch.setattr(batch_transaction.BatchTransaction, "_begin", begin)
    plain = update(outbox).values(due_ms=bindparam("later_ms")).where(among(outbox.c.id, "ids"))
    monkeypatch.setattr(store_module, "_POSTPONE_FREE", plain)


def test_the_hunt_finds_rewards_and_sweeps_that_lock_in_two_orders(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_the_outbox_first(monkeypatch)
    with hunt(postgresql_url, monkeypatch, 1) as hunted:
        for _ in range(ROUNDS_MAX):
            if not hunted.deadlocks:
                hunted.pair("reward", "sweep")
        assert hunted.deadlocks


def write_clocks_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be if a clock that was not there were upserted: that waits for who has locked it by now.

    The INSERT of a row that is looked for in vain does not: it fails at once where the row is there and only locked.
    """
    real = Claims.is_made
    monkeypatch.setattr(Claims, "is_made", lambda self, thing: not isinstance(thing, ZoneClock) and real(self, thing))


def test_the_hunt_finds_clocks_that_are_locked_after_the_players(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clocks_blind(monkeypatch)
    with hunt(postgresql_url, monkeypatch, 1) as hunted:
        for _ in range(ROUNDS_MAX):
            if not hunted.deadlocks:
                hunted.pair("stir", "stir")
        assert hunted.deadlocks
