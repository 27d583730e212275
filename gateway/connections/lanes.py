"""A session's lane: events of one player that must take effect in the order sent, and what is known of them.

At most one task of a lane is under way. What arrives meanwhile waits here, bounded, and its head (as far as it is of
one type) goes together when the answers are there. A lane alone knows what was accepted and not answered, and of which
events a copy may be in the queue. Those are *in doubt*: only a process can say what became of them, so they stay here
until one does. Doubt is known of what is under way as a whole, because each copy carries all that was unanswered when
it was sent: a count of the copies that were sent and not refused, and one more for events that the client had sent on
an earlier connection.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from gameserver.declare.base import Spec
from gameserver.messages.envelope import Envelope


class Lane:
    """One lane. ``waiting_max`` events may wait, ``flight_max`` go together.

    ``republish_after_s``: what is under way goes again after so long without an answer. ``due_s``: when that is.
    ``copies``: how many copies of what is under way may be in the queue. ``sendings``: how often it was sent so far.
    """

    __slots__ = (
        "_flight",
        "_flight_max",
        "_republish_after_s",
        "_sent_before_to",
        "_waiting",
        "_waiting_max",
        "copies",
        "due_s",
        "sendings",
    )

    def __init__(self, waiting_max: int, flight_max: int, republish_after_s: float) -> None:
        self._waiting: deque[Envelope] = deque()
        self._flight: dict[int, Envelope] = {}
        self._waiting_max = waiting_max
        self._flight_max = flight_max
        self._republish_after_s = republish_after_s
        self._sent_before_to = 0  # up to this number the client had sent its events on an earlier connection
        self.copies = 0
        self.sendings = 0
        self.due_s = 0.0

    @property
    def in_flight(self) -> list[Envelope]:
        """Published, not answered; in order."""
        return list(self._flight.values())

    @property
    def unanswered(self) -> int:
        """How many were accepted and not answered."""
        return len(self._flight) + len(self._waiting)

    @property
    def family(self) -> str:
        """The family of what is under way, on which all that waits here depends; "" for none."""
        return next(iter(self._flight.values())).event.spec.family if self._flight else ""

    def accept(self, envelope: Envelope, *, sent_before: bool = False) -> bool:
        """Take an event in, or refuse it because too many wait.

        ``sent_before``: on an earlier connection; of these as many are taken as a client can have left unanswered.
        """
        if sent_before:
            if self.unanswered >= self._waiting_max + self._flight_max:
                return False
            self._sent_before_to = envelope.event.seq
        elif len(self._waiting) >= self._waiting_max:
            return False
        self._waiting.append(envelope)
        return True

    def date(self, at_ms: int) -> None:
        """Say that what waits was accepted now, because only now it is known what the time is."""
        self._waiting = deque(msgspec.structs.replace(envelope, at_ms=at_ms) for envelope in self._waiting)

    def next(self, now_s: float) -> list[Envelope]:
        """What is to be sent now: nothing while something is under way."""
        if self._flight or not self._waiting:
            return []
        first = self._waiting[0].event
        most = min(self._flight_max, first.spec.batch_max)
        while self._waiting and type(self._waiting[0].event) is type(first) and len(self._flight) < most:
            envelope = self._waiting.popleft()
            self._flight[envelope.event.seq] = envelope
        self.copies = self.sendings = 1 if first.seq <= self._sent_before_to else 0
        return self._send(first.spec, now_s)

    def again(self, now_s: float) -> list[Envelope]:
        """What is under way, to be sent once more; what is next if nothing is."""
        if not self._flight:
            return self.next(now_s)
        return self._send(next(iter(self._flight.values())).event.spec, now_s)

    def _send(self, spec: Spec, now_s: float) -> list[Envelope]:
        self.copies += 1
        self.sendings += 1
        # A transient event is soon answered as stale, and its message may be lost.
        patience_s = (
            min(self._republish_after_s, given_up_after_s(spec)) if spec.stale_after_s else self._republish_after_s
        )
        self.due_s = now_s + patience_s
        return list(self._flight.values())

    def holds(self, seqs: Sequence[int]) -> int:
        """How many copies of what is under way are among the events of these numbers, which went in one batch."""
        return seqs.count(next(iter(self._flight))) if self._flight else 0

    def not_in_queue(self, seqs: Sequence[int]) -> bool:
        """The events of these numbers are certainly not in the queue. Returns whether no other copy can be there."""
        self.copies -= self.holds(seqs)
        return bool(self._flight) and not self.copies

    def withdraw_flight(self) -> list[Envelope]:
        """Take out what is under way, of which no copy is in the queue."""
        withdrawn, self._flight = self.in_flight, {}
        return withdrawn

    def withdraw(self, family: str) -> list[Envelope]:
        """Take out what waits and depends on this family: it was never published."""
        blocked = self.family == family
        withdrawn = [e for e in self._waiting if (blocked or e.event.spec.family == family) and not self._doubted(e)]
        if withdrawn:
            gone = {envelope.event.seq for envelope in withdrawn}
            self._waiting = deque(envelope for envelope in self._waiting if envelope.event.seq not in gone)
        return withdrawn

    def _doubted(self, waiting: Envelope) -> bool:
        return waiting.event.seq <= self._sent_before_to

    def complete(self, seq: int) -> Envelope | None:
        """An answer came. Gives what it answers; ``None`` when nobody waits for it: it was answered before."""
        return self._flight.pop(seq, None)


def given_up_after_s(spec: Spec) -> float:
    """When a transient event that nobody answered can no longer take effect: gone stale, and a lease later."""
    return spec.stale_after_s + spec.lease_s
