"""Batches towards the queue: what arrives within a window goes as one task.

The first event after a quiet moment goes at once, so that nobody waits for a window that brings nothing; under load a
batch is what arrived since the last one, up to a bound. Events that were given together (one lane's) stay together,
because two tasks may be applied in any order.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from gameserver.events.envelope import Envelope


class Clock(Protocol):
    """The part of a reactor that knows the time."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, function: Callable[[], None]) -> IDelayedCall: ...  # noqa: N802


class Batcher:
    """Gathers the events of one type and gives them to ``publish`` in batches."""

    def __init__(self, clock: Clock, publish: Callable[[Sequence[Envelope]], None], *, window_s: float, most: int) -> None:
        self._clock = clock
        self._publish = publish
        self._window_s = window_s
        self._most = most
        self._pending: list[Sequence[Envelope]] = []
        self._count = 0
        self._flushed_s = float("-inf")
        self._timer: IDelayedCall | None = None

    def add(self, group: Sequence[Envelope]) -> None:
        """Take events that must stay together; they go now or at the end of the window."""
        self._pending.append(group)
        self._count += len(group)
        if self._count >= self._most:
            self._flush()
        elif self._pending and self._timer is None:
            due_s = self._flushed_s + self._window_s - self._clock.seconds()
            # 0: at the end of this turn of the reactor, so that what came in one packet goes in one batch
            self._timer = self._clock.callLater(max(0.0, due_s), self._flush)

    @property
    def pending(self) -> int:
        """How many events wait for the end of the window."""
        return self._count

    def drop(self) -> None:
        """Forget what was not published."""
        self._pending, self._count = [], 0

    def _flush(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._flushed_s = self._clock.seconds()
        groups, self._pending, self._count = self._pending, [], 0
        for batch in _packed(groups, self._most):
            self._publish(batch)


def _packed(groups: Sequence[Sequence[Envelope]], most: int) -> list[list[Envelope]]:
    """Groups in batches of ``most`` events, no group cut in two (one that is larger goes alone)."""
    batches: list[list[Envelope]] = [[]]
    for group in groups:
        if batches[-1] and len(batches[-1]) + len(group) > most:
            batches.append([])
        batches[-1] += group
    return batches
