"""Twisted's epoll reactor, changed so that a busy gateway reads many sockets in one iteration.

Each poll delays the next one by a pause that grows with the number of sockets that were ready. With few active clients
the pause is negligible; with many, dozens of sockets are read per wake-up, which costs more than a read does. Events
wait for their batch anyway. A descriptor given to ``attend`` (the broker's socket) ends the pause early.

Two more differences: sockets are called without the logging context that Twisted makes for each call, which nothing
here uses and which costs as much as the read; and timers use the monotonic clock. Twisted's own use the wall clock:
when that is set back, all timers stop for as long, and when it is set ahead, all connections end as idle.
"""

import select
import time
from collections.abc import Callable

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

PAUSE_S_PER_SOCKET = 0.0005
PAUSE_S_MAX = 0.004  # the longest delay of a signal, and of a call from another thread


class BatchingReactor(EPollReactor):
    """The reactor of a gateway.

    ``clock_s``: monotonic seconds. ``sleep``: waits for a number of seconds; by default an attended descriptor ends it.
    """

    seconds = staticmethod(time.monotonic)

    def __init__(
        self, clock_s: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock_s = clock_s
        self._sleep = sleep or self._doze
        self._rest_until_s = 0.0  # when it may poll again
        self.rested_s = 0.0  # how long it has waited since it began: the rest of the time it was busy
        self._urgent = select.epoll()

    def attend(self, fd: int) -> None:
        """Let input on a descriptor end a pause, until the descriptor is closed."""
        self._urgent.register(fd, select.EPOLLIN)

    def _doze(self, seconds: float) -> None:
        select.select([self._urgent], [], [], seconds)  # epoll's own waiting knows whole milliseconds only

    def doIteration(self, delay: float | None) -> None:  # noqa: N802
        """Poll for ``delay`` seconds at most (``None``: without end), then serve the sockets that are ready."""
        began_s = self._clock_s()
        timeout_s = self._rest(delay, began_s)
        try:
            ready = self._poller.poll(-1 if timeout_s is None else timeout_s, max(1, len(self._selectables)))
        except InterruptedError:
            return
        now_s = self._clock_s()
        self.rested_s += now_s - began_s
        self._rest_until_s = now_s + min(PAUSE_S_MAX, len(ready) * PAUSE_S_PER_SOCKET)
        for fd, event in ready:
            selectable = self._selectables.get(fd)  # an earlier one may have closed it
            if selectable is not None:
                self._doReadOrWrite(selectable, fd, event)  # type: ignore[no-untyped-call]

    def _rest(self, delay: float | None, now_s: float) -> float | None:
        """Sleep until the pause is over. Returns what is left of ``delay``."""
        rest_s = self._rest_until_s - now_s
        if delay is not None:
            rest_s = min(rest_s, delay)
        if rest_s <= 0:
            return delay
        self._sleep(rest_s)
        return None if delay is None else delay - rest_s


def install() -> BatchingReactor:
    """Install this reactor. Call it before anything imports ``twisted.internet.reactor``."""
    reactor = BatchingReactor()
    installReactor(reactor)
    return reactor
