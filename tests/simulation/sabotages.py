"""Guarantees, each switched off by itself, with the seed that finds it out: what the adversary is held to.

``finds``: words of the contradiction that must be among those found.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from gameserver.apply import Applier, _Work
from gameserver.events.envelope import Envelope
from gameserver.store.store import Trial
from gameserver.world.marks import Mark, read_marks
from gateway.lanes import Lane
from tests.simulation.memory_store import MemoryStore, MemoryTransaction

Off = Callable[[pytest.MonkeyPatch], None]


class Sabotage(NamedTuple):
    """``guarantee``: what is switched off."""

    guarantee: str
    off: Off
    seed: int
    finds: str


def no_watermarks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gameserver.apply.read_marks",
        lambda text: {lane: Mark(-1, mark.stored) for lane, mark in read_marks(text).items()},
    )


def no_outbox(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "add_waiting", lambda self, rows, now_ms, due_ms: None)


def no_lanes(patch: pytest.MonkeyPatch) -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> object:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    patch.setattr(Lane, "next", next_)


def no_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "_lock", lambda self, table, key: None)


def put_off_alone(patch: pytest.MonkeyPatch) -> None:
    real: Any = _Work._defer

    def defer(self: Any, item: Any, refusal: Any) -> object:
        how = real(self, item, refusal)
        self._put_off.clear()
        return how

    patch.setattr(_Work, "_defer", defer)


def trials_before_locks(patch: pytest.MonkeyPatch) -> None:
    real = MemoryTransaction.begin

    def begin(self: MemoryTransaction, trial: Trial | None = None) -> None:
        real(self, trial)
        if trial is not None:
            self.begin_trial(trial)

    patch.setattr(MemoryTransaction, "begin", begin)
    patch.setattr(MemoryStore, "_take_back", lambda self, trial: None)


def halves_of_lanes(patch: pytest.MonkeyPatch) -> None:
    def halves(batch: Sequence[Envelope]) -> tuple[Sequence[Envelope], Sequence[Envelope]]:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]

    patch.setattr("tasks.server.halves_by_lanes", halves)


def unguarded_steps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Applier, "_guarded", staticmethod(lambda step, item: step(item)))


def exceptions_pass(patch: pytest.MonkeyPatch) -> None:
    """What nobody handled ends in the broker's dead messages instead of the queue."""
    patch.setattr("tasks.server.Server._or_give_back", lambda self, work, turn: work())


SABOTAGES = (
    Sabotage("a watermark for each lane", no_watermarks, 0, "doubled"),
    Sabotage("the outbox", no_outbox, 0, "heard of 0 times"),
    Sabotage("one task of a lane under way", no_lanes, 0, "told yes and not done"),
    Sabotage("rows are locked", no_locks, 8, "wrong sum"),
    Sabotage("what is put off holds its lane", put_off_alone, 0, "told yes and not done"),
    Sabotage("a trial counts once it has what it needs", trials_before_locks, 0, "became a dead letter"),
    Sabotage("no lane is split", halves_of_lanes, 0, "out of order"),
)
