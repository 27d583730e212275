"""A session's lane: events of one player that must take effect in the order sent, and what is known of them.

At most one task of a lane is in flight. Events that arrive meanwhile wait here, up to a bound; those at the head that
are of one type leave together when the answers are there. A lane alone knows which events were accepted and not
answered, and of which a copy may be in the queue. Those are *in doubt*: only a process can say what became of them, so
they stay here until one does. Doubt concerns all that is in flight, because each copy carries everything that was
unanswered when it was sent. A lane counts the copies that were sent and not refused, and one more for events that the
client had sent on an earlier connection.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from gameserver.declare.base import Spec
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope


class Lane:
    """One lane. ``waiting_max`` events may wait, ``flight_max`` leave together.

    ``republish_after_s``: what is in flight is sent again after so long without an answer. ``due_s``: when that is.
    ``copies``: how many copies of what is in flight may be in the queue. ``sendings``: how often it was sent so far.
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
        """The family of what is in flight, on which all that waits here depends; "" for none."""
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
        """Date what waits as accepted now: only now it is known what the time is."""
        self._waiting = deque(msgspec.structs.replace(envelope, at_ms=at_ms) for envelope in self._waiting)

    def next(self, now_s: float) -> list[Envelope]:
        """Take out what is to be sent now: nothing while something is in flight."""
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
        """Give what is in flight, to be sent once more; what is next if nothing is."""
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

    def republish_at(self, at_s: float) -> None:
        """Have what is in flight sent again at this time, whenever it was due."""
        self.due_s = at_s

    def holds(self, seqs: Sequence[int]) -> int:
        """Count the copies of what is in flight among the events of these numbers, which went in one batch."""
        return seqs.count(next(iter(self._flight))) if self._flight else 0

    def not_in_queue(self, seqs: Sequence[int]) -> bool:
        """Note that the events of these numbers are not in the queue. Returns whether no other copy can be there."""
        self.copies -= self.holds(seqs)
        return bool(self._flight) and not self.copies

    def withdraw_flight(self) -> list[Envelope]:
        """Take out what is in flight, of which no copy is in the queue."""
        withdrawn, self._flight = self.in_flight, {}
        return withdrawn

    def withdraw(self, family: str) -> list[Envelope]:
        """Take out what waits and depends on this family: it was never published."""
        blocked = self.family == family
        return self.withdraw_where(lambda envelope: blocked or envelope.event.spec.family == family)

    def withdraw_where(self, chosen: Callable[[Envelope], bool]) -> list[Envelope]:
        """Take out what waits and is chosen: it was never published."""
        withdrawn = [envelope for envelope in self._waiting if chosen(envelope) and not self._doubted(envelope)]
        if withdrawn:
            gone = {envelope.event.seq for envelope in withdrawn}
            self._waiting = deque(envelope for envelope in self._waiting if envelope.event.seq not in gone)
        return withdrawn

    def _doubted(self, waiting: Envelope) -> bool:
        return waiting.event.seq <= self._sent_before_to

    def complete(self, seq: int) -> Envelope | None:
        """Take out the event that was answered. ``None``: it was answered before, and nobody waits for it."""
        return self._flight.pop(seq, None)


class Lanes(dict[str, Lane]):
    """The lanes of one connection by their names; each is made when it is first asked for."""

    __slots__ = ("_limits",)

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def __missing__(self, name: str) -> Lane:
        limits = self._limits
        self[name] = Lane(limits.lane_waiting_max, limits.lane_flight_max, limits.republish_after_s)
        return self[name]

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return sum(lane.unanswered for lane in self.values())


def given_up_after_s(spec: Spec) -> float:
    """Say when a transient event without an answer can no longer take effect: it is stale, and a lease is over."""
    return spec.stale_after_s + spec.lease_s
