"""Gather events into batches towards the queue, as large as the latency budget allows.

Events wait together, from the first of them on. How long is derived from the latency budget (``latency_budget.py``):
not at all where few events come, else for the time that the budget has for it. A few batches of a stream may be in
flight; while they are, events gather further, and leave as one batch when a process is done with one of those: where
processes are saturated, batches grow. A batch of which nothing is heard
for a while no longer counts: a lost or stuck one delays its followers by that while and no more. Events that were given
together (one lane's) stay together, because two tasks may be applied in any order.

Who gathers waits for half of the gathering, at the mean. So where events have waited in their lanes for those before
them, gathering is shorter by twice what they have waited, at the mean.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from gameserver.messages.envelope import Envelope
from gateway import latency_budget
from gateway.clock import ROUNDING_S, Clock
from gateway.pace import Pace


class Batcher:
    """Gathers the events of one type and gives them in batches to ``publish``.

    ``opens_s``: says when the batches in flight let the next one go. ``most``: events in a batch. ``pace``: how long
    events may wait for company at the moment.
    """

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[Sequence[Envelope]], None],
        opens_s: Callable[[], float],
        *,
        most: int,
        pace: Pace,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._in_flight_opens_s = opens_s
        self._most = most
        self._pace = pace
        self._waiting: list[tuple[float, float, Sequence[Envelope]]] = []  # when it came, how long it had waited, what
        self._count = 0
        self._waited_s = 0.0  # of all that wait, before they came here
        self._rate = latency_budget.ArrivalRate(clock.seconds())
        self.linger_s = 0.0
        self._timer: Any = None  # a DelayedCall

    @property
    def pending(self) -> int:
        """How many events wait to be published."""
        return self._count

    def add(self, group: Sequence[Envelope], waited_s: float = 0.0) -> None:
        """Take events that must stay together. ``waited_s``: how long they have waited before, all of them in sum."""
        self._waiting.append((self._clock.seconds(), waited_s, group))
        self._count += len(group)
        self._waited_s += waited_s
        if self._timer is None or waited_s or self._count >= self._most:  # else nothing goes earlier because of this
            self._schedule()

    def finished(self) -> None:
        """Go on: a batch is out of flight."""
        self._schedule()

    def drop(self) -> list[Envelope]:
        """Give back what was not published, and begin anew."""
        unpublished = [envelope for _, _, group in self._waiting for envelope in group]
        self._waiting, self._count, self._waited_s = [], 0, 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return unpublished

    def _schedule(self) -> None:
        """Publish at the end of this turn of the reactor (what came together goes together), or when it may."""
        if not self._count:
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
        """Say when the next batch may leave. Gathering ends when the batch is full."""
        opens_s = self._in_flight_opens_s()
        if self._count >= self._most:
            return opens_s
        since_s, _, _ = self._waiting[0]
        return max(opens_s, since_s + self.linger_s - 2 * self._waited_s / self._count)

    def _flush(self) -> None:
        self._timer = None
        now_s = self._clock.seconds()
        while self._count and self._opens_s() <= now_s + ROUNDING_S:
            batch = self._take()
            self._publish(batch)
            self._expect(len(batch), now_s)
        self._schedule()

    def _expect(self, came: int, now_s: float) -> None:
        """Learn how many events come, and say how long the next ones wait."""
        self._rate.count(came, now_s)
        self.linger_s = latency_budget.linger_s(self._rate.per_s, self._pace.budget_s)

    def _take(self) -> list[Envelope]:
        """Take the next batch: whole groups, as many as fit (one that is larger than a batch leaves alone)."""
        batch: list[Envelope] = []
        taken = 0
        for _, waited_s, group in self._waiting:
            if batch and len(batch) + len(group) > self._most:
                break
            batch += group
            taken += 1
            self._waited_s -= waited_s
        del self._waiting[:taken]
        self._count -= len(batch)
        return batch
