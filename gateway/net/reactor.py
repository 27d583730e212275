"""Twisted's epoll reactor, which reads many sockets at once where many have something to say.

To wake up costs more than to read, and what is read waits for company anyway: so each look at the sockets makes the
next one wait a little for each that had something to say. Where few speak that is next to nothing; where many do,
dozens are read at once. What the broker has to say is worth waking up for: its socket ends a rest. Sockets are called
without the logging context that Twisted makes for each call, which nothing here uses and which costs as much as the
reading. And its timers go by the monotonic clock: by Twisted's own, the machine's, a clock that is set back by ten
minutes stops all of them for so long, and one that is set ahead ends all connections as idle.
"""

import select
import time
from collections.abc import Callable

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

PAUSE_S_PER_SOCKET = 0.0005
PAUSE_S_MAX = 0.004  # so long may a signal wait, or what another thread has to say


class BatchingReactor(EPollReactor):
    """``clock_s``: monotonic seconds; ``sleep`` waits for so many, instead of until somebody urgent speaks."""

    seconds = staticmethod(time.monotonic)

    def __init__(
        self, clock_s: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock_s = clock_s
        self._sleep = sleep or self._doze
        self._rested_s = 0.0  # when it may look at the sockets again
        self._urgent = select.epoll()

    def attend(self, fd: int) -> None:
        """What comes through this descriptor ends a rest, until it is closed."""
        self._urgent.register(fd, select.EPOLLIN)

    def _doze(self, seconds: float) -> None:
        select.select([self._urgent], [], [], seconds)  # epoll's own waiting knows whole milliseconds only

    def doIteration(self, delay: float | None) -> None:  # noqa: N802
        """Wait for sockets, ``delay`` seconds at most (``None``: for ever), and let them read and write."""
        timeout_s = self._rest(delay)
        try:
            ready = self._poller.poll(-1 if timeout_s is None else timeout_s, max(1, len(self._selectables)))
        except InterruptedError:
            return
        self._rested_s = self._clock_s() + min(PAUSE_S_MAX, len(ready) * PAUSE_S_PER_SOCKET)
        for fd, event in ready:
            selectable = self._selectables.get(fd)  # an earlier one may have closed it
            if selectable is not None:
                self._doReadOrWrite(selectable, fd, event)  # type: ignore[no-untyped-call]

    def _rest(self, delay: float | None) -> float | None:
        """Sleep as long as it is too early to look. Returns what is left of ``delay``."""
        rest_s = self._rested_s - self._clock_s()
        if delay is not None:
            rest_s = min(rest_s, delay)
        if rest_s <= 0:
            return delay
        self._sleep(rest_s)
        return None if delay is None else delay - rest_s


def install() -> BatchingReactor:
    """Make it the process's reactor, before anything imports ``twisted.internet.reactor``."""
    reactor = BatchingReactor()
    installReactor(reactor)
    return reactor
