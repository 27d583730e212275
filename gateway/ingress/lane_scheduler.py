"""Move events through their lanes: in, out to the queue, and away when they are answered or refused.

A lane's events leave for the queue as soon as what was before them is answered, unless something comes first: the
broker's return, the player's return to the world, or, for an entrance, that the gateway learns what the time is.
"""

from collections.abc import Callable, Iterator, Sequence

from gameserver.declare.base import Event
from gameserver.declare.session_events import SESSION_LANE, Entrance
from gameserver.messages.envelope import Envelope
from gameserver.wire.packets import Error
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.lanes import Lane
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.ingress.publisher import Publisher
from gateway.metrics.meters import Meters


class LaneScheduler:
    """The lanes of all connections.

    ``now_ms``: server time; ``entrances_open``: whether the gateway has learned it.

    ``unanswered``: how many events were accepted and not answered, in all lanes. ``held``: whether nothing leaves.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        now_ms: Callable[[], int],
        registry: ConnectionRegistry,
        writer: Writer,
        publisher: Publisher,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._now_ms = now_ms
        self._registry = registry
        self._writer = writer
        self._publisher = publisher
        self._meters = meters
        self.unanswered = 0
        self.entrances_open = False
        self.held = False
        self._completed: dict[Lane, Connection] = {}  # lanes that are to go on

    def accept(self, connection: Connection, envelope: Envelope, *, sent_before: bool = False) -> bool:
        """Take an event into its lane and advance that. Returns whether there was room; see ``Lane.accept``."""
        lane = connection.lanes[envelope.event.spec.lane]
        accepted = lane.accept(envelope, sent_before=sent_before)
        if accepted:
            self.unanswered += 1
            self.advance(connection, lane)
        return accepted

    def complete(self, connection: Connection, lane_name: str, seq: int) -> Envelope | None:
        """Take an answered event out of its lane, for ``advance_completed``. ``None``: it had been answered before."""
        lane = connection.lanes.get(lane_name)
        envelope = lane.complete(seq) if lane is not None else None
        if lane is None or envelope is None:
            return None
        self.unanswered -= 1
        if lane.unanswered:
            self._completed[lane] = connection
        return envelope

    def forget(self, connection: Connection) -> None:
        """Count the events of a connection that is gone no longer."""
        self.unanswered -= connection.lanes.unanswered

    # Out to the queue.

    def advance(self, connection: Connection, lane: Lane, now_ms: int = 0) -> None:
        """Publish what a lane has to send now, unless something comes first.

        ``now_ms``: given where it waited for what was in flight, which then counts as gathering.
        """
        if self._is_open(connection) and (envelopes := lane.next(self._clock.seconds())):
            self._publisher.publish(envelopes, _waited_s(envelopes, now_ms) if now_ms else 0.0)

    def advance_completed(self) -> None:
        """Publish what the lanes hold next whose events were completed, unless their connection is gone."""
        completed, self._completed = self._completed, {}
        now_ms = self._now_ms()
        for lane, connection in completed.items():
            if not connection.gone:
                self.advance(connection, lane, now_ms)

    def republish(self, connection: Connection, lane: Lane) -> bool:
        """The same, and once more what is in flight; it goes in its order. Returns whether anything went."""
        envelopes = lane.again(self._clock.seconds()) if self._is_open(connection) else []
        if envelopes:
            self._publisher.publish(envelopes)
        return bool(envelopes)

    def republish_all(self, connection: Connection) -> None:
        """Publish what is unanswered in all lanes of a connection."""
        for lane in connection.lanes.values():
            self.republish(connection, lane)

    def _is_open(self, connection: Connection) -> bool:
        """Whether nothing comes before what its lanes hold.

        An entrance is dated in server time: which of two was the later one must not depend on this machine's clock.
        """
        may_enter = self.entrances_open or connection.player != ""
        return may_enter and not connection.rejoin.since_s and self._publisher.broker.up and not self.held

    def release(self) -> None:
        """Let all lanes go on."""
        self.held = False
        for connection, lane in self._all():
            self.advance(connection, lane)

    def _all(self) -> Iterator[tuple[Connection, Lane]]:
        for connection in self._registry.all:
            yield from ((connection, lane) for lane in connection.lanes.values())

    # Entrances.

    def open_entrances(self) -> None:
        """Let those in who waited for it, dated now: the gateway has learned what the time is."""
        self.entrances_open = True
        for connection, lane in self._entrances():
            lane.date(self._now_ms())
            self.advance(connection, lane)

    def refuse_entrances(self, code: str, message: str) -> None:
        """Refuse those who wait to be let in: the time is not said either by those who would do that."""
        for connection, lane in () if self.entrances_open else self._entrances():
            self.refuse_all(connection, lane.withdraw_where(_is_entrance), code, message)

    def _entrances(self) -> Iterator[tuple[Connection, Lane]]:
        return ((connection, lane) for connection, lane in self._all() if not connection.player)

    # Refusals.

    def refuse(self, connection: Connection, event: Event, code: str, message: str) -> None:
        """Tell a client that an event of its has not taken effect and never will."""
        self._meters.refused(event.spec.name, code)
        self._writer.send(connection, Error(code=code, message=message, re=event.seq))
        if event.spec.lane == SESSION_LANE:
            connection.protocol.refused()

    def refuse_all(self, connection: Connection, envelopes: Sequence[Envelope], code: str, message: str) -> None:
        """Refuse events that were taken out of their lane."""
        for envelope in envelopes:
            self.unanswered -= 1
            self.refuse(connection, envelope.event, code, message)

    def refuse_published(self, envelopes: Sequence[Envelope], code: str, message: str) -> None:
        """Refuse those of a refused batch of which no other copy may be in the queue; their lanes go on."""
        for connection, lane, seqs in self._registry.lanes_of(envelopes):
            if lane.not_in_queue(seqs):
                self.refuse_all(connection, lane.withdraw_flight(), code, message)
                self.advance(connection, lane)

    def refuse_waiting(self, family: str, code: str, message: str) -> None:
        """Refuse what waits in lanes and depends on a family: it was never published."""
        for connection, lane in self._all():
            self.refuse_all(connection, lane.withdraw(family), code, message)

    def refuse_waiting_where(self, chosen: Callable[[Envelope], bool], code: str, message: str) -> None:
        """Refuse what waits in lanes and is chosen: it was never published."""
        for connection, lane in self._all():
            self.refuse_all(connection, lane.withdraw_where(chosen), code, message)

    def in_flight_where(self, chosen: Callable[[Envelope], bool]) -> list[tuple[Connection, str, Envelope]]:
        """Find what is published, not answered, and chosen; with its connection and its lane's name."""
        return [
            (connection, name, envelope)
            for connection in self._registry.all
            for name, lane in connection.lanes.items()
            for envelope in lane.in_flight
            if chosen(envelope)
        ]


def _waited_s(envelopes: Sequence[Envelope], now_ms: int) -> float:
    """Say how long events have waited since they were accepted, all of them in sum."""
    return max(0.0, sum(now_ms - envelope.at_ms for envelope in envelopes) / 1000)


def _is_entrance(envelope: Envelope) -> bool:
    return isinstance(envelope.event, Entrance)
