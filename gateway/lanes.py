"""A session's lane: events of one player that must take effect in the order sent.

At most one task of a lane is under way. What arrives meanwhile waits here, bounded, and its head (as far as it is of
one type) goes together when the answers are there. A lane alone knows what was accepted and not answered.
"""

from collections import deque

from gameserver.events.envelope import Envelope


class Lane:
    """One lane. ``waiting_max`` events may wait, ``flight_max`` go together."""

    __slots__ = ("_flight", "_flight_max", "_waiting", "_waiting_max", "flight_since_s")

    def __init__(self, waiting_max: int, flight_max: int) -> None:
        self._waiting: deque[Envelope] = deque()
        self._flight: dict[int, Envelope] = {}
        self.flight_since_s = 0.0
        self._waiting_max = waiting_max
        self._flight_max = flight_max

    @property
    def in_flight(self) -> list[Envelope]:
        """Published, not answered; in order."""
        return list(self._flight.values())

    @property
    def unanswered(self) -> int:
        """How many were accepted and not answered."""
        return len(self._flight) + len(self._waiting)

    def accept(self, envelope: Envelope) -> bool:
        """Take an event in, or refuse it because too many wait."""
        if len(self._waiting) >= self._waiting_max:
            return False
        self._waiting.append(envelope)
        return True

    def next(self, now_s: float) -> list[Envelope]:
        """What is to be published now: nothing while something is under way."""
        if self._flight or not self._waiting:
            return []
        self.flight_since_s = now_s
        kind = type(self._waiting[0].event)
        most = min(self._flight_max, kind.spec.batch_max)
        while self._waiting and type(self._waiting[0].event) is kind and len(self._flight) < most:
            envelope = self._waiting.popleft()
            self._flight[envelope.event.seq] = envelope
        return self.in_flight

    def withdraw(self, family: str) -> list[Envelope]:
        """Take out what waits at the head for this family: it was never published."""
        withdrawn = []
        while self._waiting and self._waiting[0].event.spec.family == family:
            withdrawn.append(self._waiting.popleft())
        return withdrawn

    def answered(self, seq: int) -> Envelope | None:
        """An answer came. Gives what it answers; ``None`` when nobody waits for it: it was answered before."""
        return self._flight.pop(seq, None)
