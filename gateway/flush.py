"""One write per client and flush window.

Like batches towards the queue: the first write after a quiet moment goes at the end of this turn of the reactor. Each
write makes the next ones wait a little, so that the window grows with the crowd, up to its bound, and writing never
takes more than a part of the gateway's time. A crowd is written to in parts: between them the reactor reads.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from gateway.batches import Clock
from gateway.session import Session

WAIT_S_PER_WRITE = 0.0001  # a write takes a tenth of that here, and as much again at the client
AT_ONCE = 100  # clients, a millisecond's work


class Flusher:
    """Flushes sessions that have something to write. ``window_s_max``: the longest wait after a flush."""

    def __init__(self, clock: Clock, window_s_max: float) -> None:
        self._clock = clock
        self._window_s_max = window_s_max
        self._dirty: dict[Session, None] = {}  # in the order in which they are written to
        self._next_s = 0.0
        self._timer: Any = None  # a DelayedCall

    def soon(self, session: Session) -> None:
        """This session has something to write."""
        self._dirty[session] = None
        self._schedule()

    def soon_all(self, sessions: Iterable[Session]) -> None:
        """These sessions have something to write."""
        self._dirty.update(dict.fromkeys(sessions))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._dirty:
            self._timer = self._clock.callLater(max(0.0, self._next_s - self._clock.seconds()), self._flush)

    def forget(self, session: Session) -> None:
        """This session is gone."""
        self._dirty.pop(session, None)

    def _flush(self) -> None:
        self._next_s = self._clock.seconds() + min(self._window_s_max, len(self._dirty) * WAIT_S_PER_WRITE)
        self._flush_part(len(self._dirty))

    def _flush_part(self, count: int) -> None:
        """Those that were there when the flush began, ``count`` of them still; who comes meanwhile waits."""
        self._timer = None
        part = list(islice(self._dirty, min(count, AT_ONCE)))
        for session in part:
            del self._dirty[session]
        if part and count > len(part):  # some may have been forgotten meanwhile
            self._timer = self._clock.callLater(0.0, self._flush_part, count - len(part))
        for session in part:
            session.flush()
        self._schedule()
