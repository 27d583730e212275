"""Gather events into batches towards the queue, as large as the latency budget allows.

The events of one place (a zone, where a connection has one) wait together, from the first of them on, so that who is
there is written to once for all of them. How long is derived from the latency budget (``gameserver.latency``): not at
all where few events come, else for the time that the budget has for it. A batch takes the places whose time has come or
comes soon. A few batches of a stream may be in flight; while they are, events gather further, and leave as one batch
when a process is done with one of those: where processes are saturated, batches grow. A batch of which nothing is heard
for a while no longer counts: a lost or stuck one delays its followers by that while and no more. Events that were given
together (one lane's) stay together, because two tasks may be applied in any order.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from gameserver import latency
from gameserver.messages.envelope import Envelope
from gateway.clock import ROUNDING_S, Clock
from gateway.pace import Pace


class _Gathering:
    """Events of one place that wait together, since the first of them came."""

    __slots__ = ("groups", "since_s")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.groups: list[Sequence[Envelope]] = []


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
        self._waiting: dict[str, _Gathering] = {}  # by place; the longest first
        self._count = 0
        self._rate = latency.ArrivalRate(clock.seconds())
        self._linger_s = 0.0
        self._timer: Any = None  # a DelayedCall

    @property
    def pending(self) -> int:
        """How many events wait to be published."""
        return self._count

    def add(self, group: Sequence[Envelope], place: str = "") -> None:
        """Take events that must stay together."""
        gathering = self._waiting.get(place)
        if gathering is None:
            gathering = self._waiting[place] = _Gathering(self._clock.seconds())
        gathering.groups.append(group)
        self._count += len(group)
        if self._timer is None or self._count >= self._most:  # otherwise nothing goes earlier because of this
            self._schedule()

    def finished(self) -> None:
        """Go on: a batch is out of flight."""
        self._schedule()

    def drop(self) -> list[Envelope]:
        """Give back what was not published, and begin anew."""
        unpublished = [
            envelope for gathering in self._waiting.values() for group in gathering.groups for envelope in group
        ]
        self._waiting, self._count = {}, 0
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
        longest = next(iter(self._waiting.values()))
        return max(opens_s, longest.since_s + self._linger_s)

    def _flush(self) -> None:
        self._timer = None
        now_s = self._clock.seconds()
        while self._count and self._opens_s() <= now_s + ROUNDING_S:
            batch = self._take(now_s + ROUNDING_S)
            self._publish(batch)
            self._expect(len(batch), now_s)
        self._schedule()

    def _expect(self, came: int, now_s: float) -> None:
        """Learn how many events come, and say how long the next ones wait."""
        self._rate.count(came, now_s)
        self._linger_s = latency.linger_s(self._rate.per_s, self._pace.gather_s)

    def _take(self, now_s: float) -> list[Envelope]:
        """Take the next batch: the places whose time has come, and more in their order until it is worth a task."""
        batch: list[Envelope] = []
        for place, gathering in list(self._waiting.items()):
            is_due = gathering.since_s + self._linger_s <= now_s
            if not (is_due or len(batch) < latency.BATCH_EVENTS) or not self._fill(batch, gathering.groups):
                break
            del self._waiting[place]
        self._count -= len(batch)
        return batch

    def _fill(self, batch: list[Envelope], groups: list[Sequence[Envelope]]) -> bool:
        """Move whole groups into the batch, as many as fit (one that is larger than a batch leaves alone)."""
        taken = 0
        for group in groups:
            if batch and len(batch) + len(group) > self._most:
                break
            batch += group
            taken += 1
        del groups[:taken]
        return not groups
