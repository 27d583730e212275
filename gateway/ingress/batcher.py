"""Gather events into batches towards the queue, as large as the load makes them.

A few batches of a stream may be in flight. While they are, events gather, and leave as one batch when a process is done
with one of those. And each batch makes its followers linger a little for each event it carried. Where few events come,
lingering brings no company and costs nothing. Where many come, it grows with the work that the events are, by what
processes say: the busier they are, or the slower their machine is at the time, the more events share what each batch
costs by itself, up to the longest wait. So an event on an idle server leaves at once, and on a busy one a task serves
many. A batch of which nothing is heard for a while no longer counts: a lost or stuck one delays its followers by that
while and no more. Events that were given together (one lane's) stay together, because two tasks may be applied in any
order.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from gameserver.messages.envelope import Envelope
from gateway.clock import ROUNDING_S, Clock

# The wait that a batch brings: where more than five hundred of a type come in a second batches grow, first quickly, and
# from a few events on (which share most of what a batch costs by itself) with the work that the batch is.
LINGER_S_PER_EVENT = 0.002
LONG_LINGER_S = 0.004
LONG_LINGER_PER_WORK = 3.0
NEWS_OF_WORK = 0.1  # how much the last batch changes what an event is believed to cost


class Batcher:
    """Gathers the events of one type and gives them in batches to ``publish``.

    ``opens_s``: says when the batches in flight let the next one go. ``most``: events in a batch. ``linger_s_max``: the
    longest wait for company.
    """

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[Sequence[Envelope]], None],
        opens_s: Callable[[], float],
        *,
        most: int,
        linger_s_max: float,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._in_flight_opens_s = opens_s
        self._most = most
        self._linger_s_max = linger_s_max
        self._linger_until_s = 0.0
        self._work_s = 0.0  # of a process on an event, by what was heard
        self._groups: list[Sequence[Envelope]] = []
        self._count = 0
        self._timer: Any = None  # a DelayedCall

    @property
    def pending(self) -> int:
        """How many events wait to be published."""
        return self._count

    def add(self, group: Sequence[Envelope]) -> None:
        """Take events that must stay together."""
        self._groups.append(group)
        self._count += len(group)
        if self._timer is None or self._count >= self._most:  # otherwise nothing goes earlier because of this
            self._schedule()

    def finished(self, size: int, worked_s: float) -> None:
        """Go on: a batch of ``size`` is out of flight. ``worked_s``: a process needed so long, 0 if unknown."""
        self._learn(worked_s / size)
        self._schedule()

    def _learn(self, work_s: float) -> None:
        if work_s:
            self._work_s += (work_s - self._work_s) * (NEWS_OF_WORK if self._work_s else 1.0)

    def drop(self) -> list[Envelope]:
        """Give back what was not published, and begin anew."""
        unpublished = [envelope for group in self._groups for envelope in group]
        self._groups, self._count = [], 0
        self._linger_until_s = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return unpublished

    def _schedule(self) -> None:
        """Publish at the end of this turn of the reactor (what came together goes together), or when it may."""
        if not self._groups:
            return
        now_s = self._clock.seconds()
        timer_s = self._timer.getTime() if self._timer is not None else inf
        if timer_s <= now_s:
            return
        at_s = max(now_s, self._opens_s())
        if timer_s <= at_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(at_s - now_s, self._flush)

    def _opens_s(self) -> float:
        """Say when the next batch may leave. Lingering ends when the batch is full."""
        opens_s = self._in_flight_opens_s()
        return opens_s if self._count >= self._most else max(opens_s, self._linger_until_s)

    def _flush(self) -> None:
        self._timer = None
        now_s = self._clock.seconds()
        while self._groups and self._opens_s() <= now_s + ROUNDING_S:
            batch = self._take()
            self._publish(batch)
            self._linger_until_s = now_s + self._linger_s(len(batch))
        self._schedule()

    def _linger_s(self, size: int) -> float:
        return min(
            self._linger_s_max, size * LINGER_S_PER_EVENT, LONG_LINGER_S + size * self._work_s * LONG_LINGER_PER_WORK
        )

    def _take(self) -> list[Envelope]:
        """Take the next batch: whole groups, as many as fit (one that is larger than a batch leaves alone)."""
        batch = list(self._groups[0])
        taken = 1
        while taken < len(self._groups) and len(batch) + len(self._groups[taken]) <= self._most:
            batch += self._groups[taken]
            taken += 1
        del self._groups[:taken]
        self._count -= len(batch)
        return batch
