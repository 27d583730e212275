"""One write per client and flush window.

Like batches towards the queue: the first write after a quiet moment goes at the end of this turn of the reactor, under
load all sessions with something to say are written to once per window.
"""

from typing import Any

from gateway.batches import Clock
from gateway.session import Session


class Flusher:
    """Flushes sessions that have something to write, ``window_s`` apart at most."""

    def __init__(self, clock: Clock, window_s: float) -> None:
        self._clock = clock
        self._window_s = window_s
        self._dirty: dict[Session, None] = {}
        self._flushed_s = float("-inf")
        self._timer: Any = None  # a DelayedCall

    def soon(self, session: Session) -> None:
        """This session has something to write."""
        self._dirty[session] = None
        if self._timer is None:
            due_s = self._flushed_s + self._window_s - self._clock.seconds()
            self._timer = self._clock.callLater(max(0.0, due_s), self._flush)

    def forget(self, session: Session) -> None:
        """This session is gone."""
        self._dirty.pop(session, None)

    def _flush(self) -> None:
        self._timer = None
        self._flushed_s = self._clock.seconds()
        dirty, self._dirty = self._dirty, {}
        for session in dirty:
            session.flush()
