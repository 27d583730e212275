"""Complete what processes have answered: the one way from replies back into the lanes.

The dispatcher says which batch a process is done with, which replies came, and when they were written. Everything that
follows from that on the way in happens here, and what a lane holds next leaves for the queue after the replies.
"""

import logging

from gameserver.declare import catalogue
from gameserver.declare.session_events import Heartbeat
from gameserver.messages.outbound import BatchResult, Unicast
from gameserver.wire.packets import Unavailable
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.in_flight import Batch, InFlightRegistry
from gateway.ingress.lane_scheduler import LaneScheduler
from gateway.ingress.publisher import Publisher
from gateway.ingress.recovery import Recovery
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)


class Completion:
    """Takes answered events out of their lanes, and lets the lanes go on."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: ConnectionRegistry,
        writer: Writer,
        in_flight: InFlightRegistry,
        publisher: Publisher,
        lanes: LaneScheduler,
        recovery: Recovery,
        availability: FamilyAvailability,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._writer = writer
        self._in_flight = in_flight
        self._publisher = publisher
        self._lanes = lanes
        self._recovery = recovery
        self._availability = availability
        self._meters = meters

    def finish(self, result: BatchResult) -> Batch | None:
        """Note that a process is done with a batch, whose stream and family it serves. ``None``: it is not known."""
        batch = self._in_flight.remove(result.task)
        self._meters.batch_finished(result, batch)
        if batch is not None:
            self._finished(batch, result)
        if result.done in catalogue.events():
            self._heard_of(catalogue.events()[result.done].spec.family)
        return batch

    def _finished(self, batch: Batch, result: BatchResult) -> None:
        if result.done == Heartbeat.spec.name:
            self._recovery.heartbeat_applied(batch.published_s)
        self._availability.answered(batch.published_s)
        self._publisher.finished(batch)

    def _heard_of(self, family: str) -> None:
        if self._availability.heard(family, self._clock.seconds()):
            log.info("%s is served again", family)
            self._writer.send_all(self._registry.playing, Unavailable(family=family, back=True))

    def complete(self, connection: Connection, reply: Unicast) -> bool:
        """Take the event that is answered out of its lane. Returns whether its client is to be told of the reply.

        What was put off because its player was not in the world waits, and what follows in its lane, until the player
        is. A connection that was told goodbye waits no more: its client sends the event again.
        """
        if reply.not_now:
            if connection.playing:
                self._recovery.rejoin(connection)
            return False
        if not reply.re:
            return True
        envelope = self._lanes.complete(connection, reply.lane, reply.re)
        if envelope is not None:
            self._meters.answered(envelope, "refused" if reply.refused else "ok")
        return envelope is not None

    def rejoined(self, connection: Connection) -> None:
        """Let what waited go on: the player of this connection is in the world again."""
        self._recovery.rejoined(connection)

    def advance(self) -> None:
        """Publish what the lanes of the completed events hold next: the replies are written."""
        self._lanes.advance_completed()
