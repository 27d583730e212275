"""Mend what went wrong on the way to the queue: nothing that was accepted stays unanswered.

The broker comes back, an answer does not, a publish was refused or ended uncertain, a player was taken out of the world
together with its gateway: what is unanswered is published again, or refused where that is certain to be true. A player
who may have left the world returns to it first.
"""

import logging
from collections.abc import Callable, Sequence

from gameserver.declare.base import Event
from gameserver.declare.session_events import GATEWAY_SILENT_MS, Heartbeat, Rejoin
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.lanes import Lane, given_up_after_s
from gateway.connections.registry import ConnectionRegistry
from gateway.ingress.availability import FamilyAvailability, nobody_serves
from gateway.ingress.gateway_events import Emitter
from gateway.ingress.in_flight import Batch
from gateway.ingress.lane_scheduler import LaneScheduler
from gateway.ingress.publisher import Publisher
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # until what may not have been published, nobody knows, is published again
FULL_AGAIN_S = 5.0  # the same of what is in doubt and was refused by a queue: it is full, or gone
DATED_TO_S = CLOCK_TOLERANCE_MS / 1000  # how exactly a gateway must know the time before it lets anybody in
SILENT_S = GATEWAY_SILENT_MS / 1000
DOUBTED_S = SILENT_S - 3  # a heartbeat is applied some time after it was emitted


class Recovery:
    """Publishes again what is unanswered, and lets players return to the world.

    ``now_ms``: server time. ``ask_time``: emits another heartbeat, whose answer tells it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        now_ms: Callable[[], int],
        ask_time: Callable[[], None],
        registry: ConnectionRegistry,
        lanes: LaneScheduler,
        publisher: Publisher,
        emitter: Emitter,
        availability: FamilyAvailability,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._now_ms = now_ms
        self._ask_time = ask_time
        self._registry = registry
        self._lanes = lanes
        self._publisher = publisher
        self._emitter = emitter
        self._availability = availability
        self._meters = meters
        self._answers = 0  # heartbeats that were answered, as far as it matters
        self._alive_s = clock.seconds()  # when the last heartbeat that was applied was published
        self._doubted_s = -SILENT_S  # when everyone was last made to return because of that

    # The broker comes and goes.

    def broker_up(self) -> None:
        """Publish what is unanswered: the broker is there (again). A player who is out of the world returns first."""
        self._alive_s = self._clock.seconds()
        self._emitter.emit_retained()
        for connection in self._registry.all:
            self._lanes.republish_all(connection)

    def broker_down(self) -> None:
        """Take what is in flight for in doubt: the broker is away, and nobody knows what arrived."""
        self._availability.forget()
        for connection in self._registry.all:
            connection.rejoin.end()
        unpublished = self._publisher.drop()
        for _, lane, seqs in self._registry.lanes_of(unpublished):
            lane.not_in_queue(seqs)
        self._emitter.retain(unpublished)

    # Batches that could not be published.

    def refused(self, batch: Batch, code: str, message: str) -> None:
        """Refuse those of a batch of which no copy is in the queue. What is in doubt is published again later."""
        if self._emitter.try_again(batch.envelopes):
            return
        if isinstance(batch.envelopes[0].event, Heartbeat):
            self._lanes.refuse_entrances(code, message)
        self._lanes.refuse_published(batch.envelopes, code, message)
        self._republish_after(FULL_AGAIN_S, batch)

    def uncertain(self, batch: Batch) -> None:
        """Publish a batch again soon, which may have arrived or not."""
        if not self._emitter.try_again(batch.envelopes):
            self._republish_after(AGAIN_S, batch)

    def _republish_after(self, pause_s: float, batch: Batch) -> None:
        due_s = self._clock.seconds() + pause_s
        for _, lane, seqs in self._registry.lanes_of(batch.envelopes):
            if lane.holds(seqs):
                lane.republish_at(min(lane.due_s, due_s))

    # Answers that do not come.

    def check_timeouts(self, connection: Connection, now_s: float) -> None:
        """Publish again what should have been answered by now; give up what has no effect and takes too long."""
        if connection.rejoin.is_awaited and now_s - connection.rejoin.since_s > self._limits.unavailable_after_s:
            connection.rejoin.stop_waiting()  # nobody said so, but lanes must not wait for ever
            self._lanes.republish_all(connection)
        for name, lane in connection.lanes.items():
            if lane.unanswered:
                self._check_lane(connection, name, lane, now_s)

    def _check_lane(self, connection: Connection, name: str, lane: Lane, now_s: float) -> None:
        for envelope in lane.in_flight:
            self._meters.waits(envelope)
            if self._is_given_up(envelope) and self._lanes.complete(connection, name, envelope.event.seq):
                self._give_up(connection, envelope.event)
                self._lanes.advance_completed()
        if lane.family and now_s > lane.due_s:
            self._republish(connection, lane, now_s)

    def _republish(self, connection: Connection, lane: Lane, now_s: float) -> None:
        """Nobody answered in time. A family that is down is only probed: copies of everything would fill its queue."""
        if self._availability.is_down(lane.family):
            lane.republish_at(now_s + self._limits.unavailable_after_s)
        else:
            self._lanes.republish(connection, lane)

    def _give_up(self, connection: Connection, event: Event) -> None:
        if self._availability.is_down(event.spec.family):
            self._lanes.refuse(connection, event, "unavailable", nobody_serves(event.spec.family))
        else:
            self._lanes.refuse(connection, event, "stale", "This took too long and was dropped.")

    def _is_given_up(self, envelope: Envelope) -> bool:
        """Whether to say so of a question that nobody answers. What has an effect is in doubt until a process says."""
        spec = envelope.event.spec
        age_s = self._now_ms() / 1000 - envelope.at_ms / 1000
        return spec.stale_after_s > 0 and not spec.numbered and age_s > given_up_after_s(spec)

    def probe(self, batches: Sequence[Batch]) -> bool:
        """Publish again what is unanswered of the first of these batches of which anything is. Returns whether any was.

        If it is only the batch that is lost, and not whoever would answer, the answer comes now. Nobody waits for a
        heartbeat: another one does as well.
        """
        if any(self._publish_again(batch) for batch in batches):
            return True
        has_heartbeat = any(isinstance(batch.envelopes[0].event, Heartbeat) for batch in batches)
        if has_heartbeat:
            self._ask_time()
        return has_heartbeat

    def _publish_again(self, batch: Batch) -> bool:
        held = [(c, lane) for c, lane, seqs in self._registry.lanes_of(batch.envelopes) if lane.holds(seqs)]
        went = [self._lanes.republish(connection, lane) for connection, lane in held]
        return any(went)

    # Players return to the world.

    def heartbeat_applied(self, published_s: float) -> None:
        """Learn from a heartbeat of that time that this gateway lives, or that it may have counted as dead."""
        now_s = self._clock.seconds()
        if not self._lanes.entrances_open:
            self._learn_time(now_s - published_s)
        if now_s - self._alive_s > DOUBTED_S and now_s - self._doubted_s > SILENT_S:
            log.warning("this gateway was not heard of for too long: its players return to the world")
            self._doubted_s = now_s  # not with each heartbeat: that would slow down what is slow already
            self.rejoin_all()
        self._alive_s = max(self._alive_s, published_s)

    def _learn_time(self, known_to_s: float) -> None:
        """A slow answer says only roughly what the time is; where the second is slow, too, nothing better will come."""
        self._answers += 1
        if known_to_s <= DATED_TO_S or self._answers > 1:
            self._lanes.open_entrances()
        else:
            self._ask_time()

    def rejoin_all(self) -> None:
        """Let everyone return to the world: players may have been taken out of it together with their gateway."""
        for connection in self._registry.playing:
            self.rejoin(connection)

    def rejoin(self, connection: Connection) -> None:
        """Let a player return who was taken out of the world, perhaps; what is unanswered waits for that."""
        if connection.rejoin.begin(self._clock.seconds(), self._limits.republish_after_s):
            self._emitter.emit_for(connection, Rejoin())

    def rejoined(self, connection: Connection) -> None:
        """Let the lanes go on: the player is in the world again."""
        connection.rejoin.end()
        self._lanes.republish_all(connection)
