"""Sabotages of the data tier: locks, transactions, trials."""

from collections.abc import Sequence

import pytest

from gameserver.declare.entity import Entity
from gameserver.store.locked_rows import Claims
from gameserver.store.store import Trial
from tests.simulation.memory_store import MemoryStore, MemoryTransaction, RowLocks
from tests.simulation.sabotages.sabotage import Sabotage
from tests.simulation.sabotages.stories import LOCKED, SEEN


def no_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RowLocks, "lock", lambda self, table, key: None)


def two_transactions(patch: pytest.MonkeyPatch) -> None:
    """Part of what a batch did is committed before the rest."""
    real = MemoryTransaction.save

    def save(self: MemoryTransaction, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        for thing in put[:1]:
            if thing.id in self._store.things[type(thing)]:
                self._store.things[type(thing)][thing.id] = thing
        self._store.scheduler.point("between two transactions")
        real(self, put, drop)

    patch.setattr(MemoryTransaction, "save", save)


def trials_come_first(patch: pytest.MonkeyPatch) -> None:
    """A trial is counted before its event has what it needs, and stays counted when who tries it gives way."""
    real = MemoryTransaction.begin

    def begin(self: MemoryTransaction, trial: Trial | None = None) -> None:
        real(self, trial)
        if trial is not None:
            self.begin_trial(trial)

    patch.setattr(MemoryTransaction, "begin", begin)
    patch.setattr(MemoryStore, "_take_back", lambda self, trial: None)


def anything_is_written(patch: pytest.MonkeyPatch) -> None:
    """What a rule has read without a lock is written."""
    patch.setattr(Claims, "check", lambda self, thing: None)


SABOTAGES = (
    Sabotage("rows are locked", no_locks, 11, "wrong sum"),
    Sabotage("a trial begins when its event has what it needs", trials_come_first, 1, "became a dead letter", LOCKED),
    Sabotage("only what was locked is written", anything_is_written, 0, "told yes and not done", SEEN),
    Sabotage("an effect is one transaction", two_transactions, 24, "and what events did makes"),
)
