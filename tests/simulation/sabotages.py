"""Guarantees, each switched off by itself, with the seed that finds it out: what the adversary is held to.

``finds``: words of the contradiction that must be among those found.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from gameserver.world.marks import Mark, read_marks
from gateway.lanes import Lane
from tests.simulation.memory_store import MemoryTransaction

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


SABOTAGES = (
    Sabotage("a watermark for each lane", no_watermarks, 0, "times"),
    Sabotage("the outbox", no_outbox, 0, "heard 0 times"),
    Sabotage("one task of a lane under way", no_lanes, 0, "told ok, and not done"),
    Sabotage("rows are locked", no_locks, 0, "coins"),
)
