"""One write for each client of all that it is told at a time.

To send is half of what a gateway does. So what others do waits for more of it, until the time that the latency budget
gives it is up (``latency_budget.py``), and whatever is written to a client takes along all that waits for it. Replies
do not wait. A crowd is written to in parts: between them the reactor reads. While replies are amid a round, what others
do rests.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from gateway import latency_budget
from gateway.clock import Clock
from gateway.connections.outgoing import Outgoing
from gateway.pace import Pace

AT_ONCE = 200  # clients, a millisecond's work or two
ONE_GO_MAX = 8 * AT_ONCE  # clients: those who are told of a batch, the largest too


class ReplyFlusher:
    """Writes what can't wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._dirty: dict[Outgoing, None] = {}  # in the order in which they are written to
        self._timer: Any = None  # a DelayedCall
        self.in_parts = False  # whether it is for the next part of a round

    def soon(self, outgoing: Outgoing) -> None:
        """Write it with the next round."""
        self._dirty[outgoing] = None
        self._schedule()

    def at_once(self) -> None:
        """Write now what would be written with the next round, unless it is so much that it goes in parts."""
        if self._timer is None or self.in_parts or len(self._dirty) > ONE_GO_MAX:
            return
        self._timer.cancel()
        dirty, self._dirty, self._timer = self._dirty, {}, None
        _write(dirty)

    def _schedule(self) -> None:
        if self._timer is None and self._dirty:
            self._timer = self._clock.callLater(0.0, self._flush)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        self._flush_part(iter(dirty))

    def _flush_part(self, unwritten: Iterator[Outgoing]) -> None:
        """Some of those that were there when the round began; who comes meanwhile waits for the next."""
        part = list(islice(unwritten, AT_ONCE))
        self.in_parts = len(part) == AT_ONCE
        self._timer = self._clock.callLater(0.0, self._flush_part, unwritten) if self.in_parts else None
        _write(part)
        self._schedule()


class SightFlusher:
    """Writes what can wait, to each client when the first of it is due.

    In parts, the earliest due first: between them the reactor reads, and batches come and go. ``replies`` go first.
    """

    def __init__(self, clock: Clock, pace: Pace, replies: ReplyFlusher) -> None:
        self._clock = clock
        self._pace = pace
        self._replies = replies
        self._due: dict[float, deque[Outgoing]] = {}  # by what ``Outgoing.due_s`` was, which may have changed
        self._until_s = 0.0  # what is due until then is being written
        self._timer: Any = None  # a DelayedCall

    def add(self, waiting: Sequence[Outgoing], due_s: float) -> None:
        """Write these when it is due, unless they are written before."""
        self._due.setdefault(due_s, deque()).extend(waiting)
        self._schedule(due_s)

    def flush_due(self, until_s: float) -> None:
        """Write a part of what is due until then now, and the rest in the next turns of the reactor."""
        self._until_s = max(self._until_s, until_s)
        if not self._replies.in_parts:
            _write(self._take())
        self._schedule_next()

    def _take(self) -> list[Outgoing]:
        """Take those to write next."""
        part: list[Outgoing] = []
        for due_s in sorted(due_s for due_s in self._due if due_s <= self._until_s):
            waiting = self._due[due_s]
            while waiting and len(part) < AT_ONCE:
                outgoing = waiting.popleft()
                if outgoing.due_s == due_s:
                    part.append(outgoing)
            if waiting:
                break
            del self._due[due_s]
        return part

    def _schedule_next(self) -> None:
        if self._due:
            next_s = min(self._due)
            self._schedule(0.0 if next_s <= self._until_s else next_s)
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, at_s: float) -> None:
        if self._timer is not None:
            if self._timer.getTime() <= at_s:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(max(0.0, at_s - self._clock.seconds()), self._flush)

    def _flush(self) -> None:
        self._timer = None
        self.flush_due(self._clock.seconds() + latency_budget.round_s(self._pace.budget_s))


def _write(those: Iterable[Outgoing]) -> None:
    for outgoing in those:
        if not outgoing.gone:
            outgoing.flush()
