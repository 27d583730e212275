"""One write for each client of all that it is told at a time.

What a batch has to say is written when all of it is queued: each client's reply and what it sees of others in one
piece. Replies go first, then what others do. A crowd is written to in parts: between them the reactor reads. While
replies are amid a round, what others do rests.

To send is half of what a gateway does. So what others do is not written to a client who was written to a moment ago, be
it a reply: rounds come twice in such a moment, and pass over those. There is a ``Flusher`` for what can't wait and one
for what can, and whichever writes first takes along what the other has for that client. How long the moment is follows
from the latency budget alone (``gameserver.latency``), and not from how many clients there are.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf
from typing import Any

from gateway.clock import ROUNDING_S, Clock
from gateway.connections.connection import Connection
from gateway.pace import Pace

AT_ONCE = 100  # clients, a millisecond's work
ONE_GO_MAX = 16 * AT_ONCE  # clients: those who are told of a batch, the largest too
ROUNDS = 2  # while a client is held


class Flusher:
    """Flushes connections that have something to write.

    ``waits_for``: it is for what can wait, until ``pace.hold_s`` have passed since its client was written to, and a
    round more at most; and until that flusher is done with a round.
    """

    def __init__(self, clock: Clock, pace: Pace, *, waits_for: "Flusher | None" = None) -> None:
        self._clock = clock
        self._pace = pace
        self._waits_for = waits_for
        self._dirty: dict[Connection, None] = {}  # in the order in which they are written to
        self._began_s = 0.0  # when the last round began
        self._passed_over_s = inf  # who was written to since then is passed over in it
        self._next_s = 0.0
        self._timer: Any = None  # a DelayedCall
        self.in_parts = False  # whether it is for the next part of a round

    def soon(self, connection: Connection) -> None:
        """Write to this connection with the next round."""
        self._dirty[connection] = None
        self._schedule()

    def soon_all(self, connections: Iterable[Connection]) -> None:
        """Write to these connections with the next round."""
        self._dirty.update(dict.fromkeys(connections))
        self._schedule()

    def at_once(self) -> None:
        """Write now what would be written with the next round, unless it is so much that it goes in parts."""
        if self._timer is None or self.in_parts or len(self._dirty) > ONE_GO_MAX:
            return
        self._timer.cancel()
        self._begin_round()
        dirty, self._dirty, self._timer = self._dirty, {}, None
        self._write(dirty)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._dirty:
            self._timer = self._clock.callLater(max(0.0, self._next_s - self._clock.seconds()), self._flush)

    def _flush(self) -> None:
        self._begin_round()
        dirty, self._dirty = self._dirty, {}
        self._flush_part(iter(dirty))

    def _begin_round(self) -> None:
        self._began_s = self._clock.seconds()
        if self._waits_for is not None:
            self._next_s = self._began_s + self._pace.hold_s / ROUNDS
            self._passed_over_s = self._began_s - self._pace.hold_s + ROUNDING_S

    def _flush_part(self, unwritten: Iterator[Connection]) -> None:
        """Some of those that were there when the round began; who comes meanwhile waits for the next."""
        self._timer = None
        waits = self._waits_for is not None and self._waits_for.in_parts
        part = [] if waits else list(islice(unwritten, AT_ONCE))
        self.in_parts = waits or len(part) == AT_ONCE
        if self.in_parts:
            self._timer = self._clock.callLater(0.0, self._flush_part, unwritten)
        self._write(part)
        self._schedule()

    def _write(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if connection.gone or not connection.out:  # (something else may have taken along what it had to say)
                continue
            if connection.written_s > self._passed_over_s:
                self._dirty[connection] = None
            else:
                connection.flush(self._began_s)
