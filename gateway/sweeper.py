"""Check all connections now and then: those that are silent or overdue, and answers that do not come.

A thousand connections are checked in parts: between them the reactor reads.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from gameserver.limits import Limits
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.ingress.recovery import Recovery
from gateway.metrics.meters import Meters

ASKED_PER_IDLE = 3  # so often people at terminals are asked for a sign of life before they would be hung up on
SWEPT_AT_ONCE = 250  # connections, a millisecond's work


class Sweeper:
    """Checks connections. ``close_done`` ends one that has nothing more to expect."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        registry: ConnectionRegistry,
        writer: Writer,
        recovery: Recovery,
        meters: Meters,
        close_done: Callable[[Connection], None],
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._registry = registry
        self._writer = writer
        self._recovery = recovery
        self._meters = meters
        self._close_done = close_done
        self._is_under_way = False

    def sweep(self) -> None:
        """Begin to check all, unless the last sweep has not come to its end yet."""
        if not self._is_under_way:
            self._meters.look_anew()
            self._sweep_part(iter(self._registry.all))

    def _sweep_part(self, unswept: Iterator[Connection]) -> None:
        """Check a part of the connections, and the rest in later turns."""
        now_s = self._clock.seconds()
        part = list(islice(unswept, SWEPT_AT_ONCE))
        self._is_under_way = len(part) == SWEPT_AT_ONCE
        if self._is_under_way:
            self._clock.callLater(0.0, self._sweep_part, unswept)
        for connection in part:
            if not connection.gone:
                self._check(connection, now_s)
        if not self._is_under_way:
            self._meters.looked()

    def _check(self, connection: Connection, now_s: float) -> None:
        if connection.protocol.closed:
            self._writer.end_overdue(connection, now_s)
        elif connection.login_pending and now_s - connection.began_s > self._limits.login_timeout_s:
            self._writer.close(connection, "login_timeout")
        elif now_s - connection.heard_s > self._limits.idle_s_max:
            self._writer.close(connection, "idle_timeout")
        else:
            self._recovery.check_timeouts(connection, now_s)
            self._close_done(connection)
            if connection.ask_if_there(now_s, self._limits.idle_s_max / ASKED_PER_IDLE):
                self._writer.schedule_reply_flush(connection)
