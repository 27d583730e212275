"""From sessions into the queue.

An accepted event goes into its lane, from there into a batch, and is published; it counts as waiting until it is
answered. What is certainly not in the queue may be refused. What may be there is in doubt (its lane knows): it is never
refused, but published again until a process answers. Clients' events stand in their lanes as long as the broker is
away; of the gateway's own only those are kept that nobody else would say.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from twisted.python.failure import Failure

from gameserver.broker.topology import Queues
from gameserver.clocks import CLOCK_TOLERANCE_MS
from gameserver.declare import catalogue
from gameserver.declare.base import Event, Spec
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.sessions.events import GATEWAY_SILENT_MS, Heartbeat, Login, Lost, Rejoin
from gameserver.runtime.logging import about
from gameserver.security.sealing import Sealer
from gameserver.security.tokens import token_hash
from gameserver.wire.packets import Error
from gameserver.wire.states import State
from gateway.amqp.broker import Broker, Busy, Unroutable
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.lanes import Lane, given_up_after_s
from gateway.connections.registry import ConnectionRegistry
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.batcher import Batcher
from gateway.ingress.in_flight import Batch, InFlightRegistry
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # until what may not have been published, nobody knows, is published again
FULL_AGAIN_S = 5.0  # the same of what is in doubt and was refused by a queue: it is full, or gone
DATED_TO_S = CLOCK_TOLERANCE_MS / 1000  # how exactly a gateway must know the time before it lets anybody in
SILENT_S = GATEWAY_SILENT_MS / 1000
DOUBTED_S = SILENT_S - 3  # a heartbeat is applied some time after it was said


class Ingress:
    """What a gateway sends into the queue, and what of it is unanswered.

    ``now_ms``: server time. ``ask_time``: says another heartbeat, whose answer tells it.
    """

    broker: Broker

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        limits: Limits,
        queues: Queues,
        sealer: Sealer,
        now_ms: Callable[[], int],
        ask_time: Callable[[], None],
        registry: ConnectionRegistry,
        availability: FamilyAvailability,
        in_flight: InFlightRegistry,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._limits = limits
        self._queues = queues
        self._sealer = sealer
        self._now_ms = now_ms
        self._ask_time = ask_time
        self._registry = registry
        self._availability = availability
        self._in_flight = in_flight
        self._meters = meters
        self._batchers: dict[str, dict[str, Batcher]] = {name: {} for name in catalogue.events()}  # event -> queue
        self._accepted = 0  # accepted and not answered, in all sessions
        self._born = 0
        self._copies = 0  # batches that were published again
        self._unconfirmed = 0  # batches published and not confirmed
        self._retained: list[Envelope] = []  # the gateway's own events that wait for the broker
        self._answers = 0  # heartbeats that were answered, as far as it matters
        self._dates = False  # whether this gateway has learned server time by them
        self._alive_s = clock.seconds()  # when the last heartbeat that was applied was published
        self._doubted_s = -SILENT_S  # when everyone was last made to return because of that

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return self._accepted

    @property
    def all_published(self) -> bool:
        """Whether nothing waits to be published or confirmed."""
        return not self._unconfirmed and not any(batcher.pending for batcher in self._all_batchers)

    @property
    def _all_batchers(self) -> list[Batcher]:
        return [batcher for parts in self._batchers.values() for batcher in parts.values()]

    def _batcher(self, spec: Spec, place: str) -> Batcher:
        """The batches of an event type towards a queue: one may be under way in each."""
        queue = self._queues.of(spec, place)
        batchers = self._batchers[spec.name]
        if queue not in batchers:
            batchers[queue] = self._make_batcher(spec, queue)
        return batchers[queue]

    def _make_batcher(self, spec: Spec, queue: str) -> Batcher:
        return Batcher(
            self._clock,
            partial(self._publish, queue),
            most=min(self._limits.batch_events_max, max(spec.batch_max, 1)),
            flight_max=self._limits.batches_in_flight_max,
            flight_s_max=self._limits.batch_flight_ms_max / 1000,
            linger_s_max=self._limits.batch_linger_ms_max / 1000,
        )

    # What clients send.

    def accept(self, connection: Connection, event: Event) -> None:
        """A client's event: into its lane, or refused.

        What the client sent before, on another connection, may be in the queue: it is never refused. Who sends more of
        that than can have been left unanswered is told goodbye, which says nothing of the events; the lane is full, so
        that none overtakes what was left out.
        """
        lane = connection.lane(event.spec.lane)
        if event.seq <= connection.protocol.sent_before_to:
            self._accept_again(connection, lane, event)
        elif not self._availability.all_up and (unserved := self._unserved(lane, event.spec.family)):
            self._refuse(connection, event, "unavailable", _nobody_serves(unserved))
        elif self._accepted >= self._limits.gateway_waiting_max or not lane.accept(self._envelope(connection, event)):
            self._refuse(connection, event, "busy", "Too many events wait. Try again in a moment.")
        else:
            self._accepted += 1
            self._go(connection, lane)

    def _accept_again(self, connection: Connection, lane: Lane, event: Event) -> None:
        if lane.accept(self._envelope(connection, event), sent_before=True):
            self._accepted += 1
            self._go(connection, lane)
        else:
            self._registry.close(connection, "too_many_unanswered")

    def _unserved(self, lane: Lane, family: str) -> str:
        """The family for want of which an event would wait in this lane, its own or that of what is before it."""
        return next((f for f in (family, lane.family) if self._availability.is_down(f)), "")

    def complete(self, connection: Connection, lane_name: str, seq: int) -> Envelope | None:
        """An event was answered: its lane goes on. ``None`` when it had been answered before."""
        lane = connection.lanes.get(lane_name)
        envelope = lane.complete(seq) if lane is not None else None
        if lane is None or envelope is None:
            return None
        self._accepted -= 1
        if lane.unanswered:
            self._go(connection, lane)
        return envelope

    def forget(self, connection: Connection) -> None:
        """A session is gone, and with it what waited in its lanes."""
        self._accepted -= connection.unanswered

    def _refuse(self, connection: Connection, event: Event, code: str, message: str) -> None:
        self._meters.refused(event.spec.name, code)
        self._registry.tell(connection, Error(code=code, message=message, re=event.seq))
        if event.spec.lane == Login.spec.lane:
            connection.protocol.refused()

    def _envelope(self, connection: Connection, event: Event) -> Envelope:
        return Envelope(
            id=f"{connection.session_id or connection.id}:{event.seq}",
            event=self._sealer.seal(event),
            at_ms=self._now_ms(),
            conn=connection.id,
            session=connection.session_id,
            player=connection.player,
            gateway=self._gateway,
            token=token_hash(connection.token) if connection.protocol.state is State.ENTERING else "",
            shard_key=connection.shard_key if self._queues.split else "",
        )

    # What the gateway itself has to say.

    def emit(self, event: Event, *, conn: str = "", session: str = "", player: str = "") -> None:
        """An event of the gateway's own, on behalf of a connection or of itself."""
        self._born += 1
        envelope = Envelope(
            id=f"{conn or self._gateway}:{event.spec.name}{self._born}",
            event=event,
            at_ms=self._now_ms(),
            conn=conn,
            session=session,
            player=player,
            gateway=self._gateway,
        )
        self._send([envelope])

    def emit_for(self, connection: Connection, event: Event) -> None:
        """An event of the gateway's own, on behalf of a session."""
        self.emit(event, conn=connection.id, session=connection.session_id, player=connection.player)

    # Into the queue.

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        if self.broker.up:
            self._gather(envelopes)
        else:
            self._keep(envelopes)

    def _gather(self, envelopes: Sequence[Envelope]) -> None:
        if envelopes:
            self._batcher(envelopes[0].event.spec, envelopes[0].shard_key).add(envelopes)

    def _keep(self, envelopes: Sequence[Envelope]) -> None:
        """Until the broker is back: clients' events stand in their lanes, only the gateway's own must be kept here."""
        own = [e for e in envelopes if e.event.spec.origin == "gateway" and isinstance(e.event, Lost)]
        self._retained += own

    def _publish(self, queue: str, batch: Sequence[Envelope]) -> str:
        message = task_message(batch, self._gateway, copy=self._copy(batch[0]))
        self._unconfirmed += 1
        now_ms = self._now_ms()
        self._in_flight.add(Batch(message.task_id, batch, self._clock.seconds(), now_ms))
        self._meters.published(batch, now_ms)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("published %s", message.task_id, extra=about(*(envelope.id for envelope in batch)))
        published = self.broker.publish(message, queue)
        published.addErrback(self._not_published, batch, message.task_id).addBoth(self._settled)
        return message.task_id

    def _copy(self, first: Envelope) -> int:
        """What tells the task of a batch from an earlier one with the same events, 0 where there is none."""
        for _, lane, seqs in self._lanes([first]):
            if lane.holds(seqs) and lane.sendings > 1:
                self._copies += 1
                return self._copies
        return 0

    def _settled(self, _: None) -> None:
        self._unconfirmed -= 1

    def done(self, event: str, task_id: str, worked_s: float = 0.0) -> None:
        """A process is done with a batch of this type, on which it worked so long: the next may go."""
        for batcher in self._batchers.get(event, {}).values():
            batcher.done(task_id, worked_s)

    def _not_published(self, failure: Failure, batch: Sequence[Envelope], task_id: str) -> None:
        self._in_flight.remove(task_id)
        self.done(batch[0].event.spec.name, task_id)
        if isinstance(batch[0].event, Lost | Rejoin):
            self._clock.callLater(AGAIN_S, self._emit_again, batch)  # nobody else would ever say it
        elif failure.check(Busy):
            self._not_in_queue(batch, "busy", "The queue is full. Try again in a moment.")
        elif failure.check(Unroutable):
            self._not_in_queue(batch, "unavailable", "Nobody serves this at the moment.")
        else:
            self._again_after(AGAIN_S, batch)

    def _emit_again(self, batch: Sequence[Envelope]) -> None:
        """Who is gone does not return: saying so after the loss would bring the player back for good."""
        self._send([e for e in batch if isinstance(e.event, Lost) or self._registry.get(e.conn) is not None])

    def _not_in_queue(self, batch: Sequence[Envelope], code: str, message: str) -> None:
        """The queue refused a batch: so are those of its events refused of which no other copy may be there."""
        if isinstance(batch[0].event, Heartbeat):
            self._refuse_held(code, message)
        for connection, lane, seqs in self._lanes(batch):
            if lane.not_in_queue(seqs):
                self._refuse_all(connection, lane.withdraw_flight(), code, message)
                self._go(connection, lane)
        self._again_after(FULL_AGAIN_S, batch)

    def _refuse_all(self, connection: Connection, envelopes: Sequence[Envelope], code: str, message: str) -> None:
        for envelope in envelopes:
            self._accepted -= 1
            self._refuse(connection, envelope.event, code, message)

    def _again_after(self, pause_s: float, batch: Sequence[Envelope]) -> None:
        """What of a batch is still under way is to be published again soon."""
        for _, lane, seqs in self._lanes(batch):
            if lane.holds(seqs):
                lane.due_s = min(lane.due_s, self._clock.seconds() + pause_s)

    def _lanes(self, batch: Sequence[Envelope]) -> Iterator[tuple[Connection, Lane, list[int]]]:
        """The lanes from which a batch came, as far as they are still there, and the numbers of its events by lane."""
        seqs: dict[tuple[str, str], list[int]] = {}
        for envelope in batch:
            seqs.setdefault((envelope.conn, envelope.event.spec.lane), []).append(envelope.event.seq)
        for (conn, name), numbers in seqs.items():
            connection = self._registry.get(conn)
            if connection is not None and name in connection.lanes:
                yield connection, connection.lanes[name], numbers

    def probe(self, batches: Sequence[Batch]) -> None:
        """Publish again what is unanswered of one of these batches, the first of which anything is.

        If it is only the batch that is lost, and not whoever would answer, the answer comes now.
        """
        for batch in batches:
            lanes = [(connection, lane) for connection, lane, seqs in self._lanes(batch.envelopes) if lane.holds(seqs)]
            for connection, lane in lanes:
                self._go_again(connection, lane)
            if lanes:
                return

    def _send_retained(self) -> None:
        retained, self._retained = self._retained, []
        for envelope in retained:
            self._send([envelope])

    # The broker comes and goes, and so do families.

    def broker_up(self) -> None:
        """The broker is there (again): what is unanswered is published again.

        For a player who may have left the world meanwhile, not before the player is back in it.
        """
        self._alive_s = self._clock.seconds()
        self._send_retained()
        for connection in self._registry.all:
            self._release(connection)

    def is_alive(self, beaten_s: float) -> None:
        """A heartbeat of that time was applied. If the one before is old, the gateway may have counted as dead."""
        now_s = self._clock.seconds()
        if not self._dates:
            self._learned_time(now_s - beaten_s)
        if now_s - self._alive_s > DOUBTED_S and now_s - self._doubted_s > SILENT_S:
            log.warning("this gateway was not heard of for too long: its players return to the world")
            self._doubted_s = now_s  # not with each heartbeat: that would slow down what is slow already
            self.rejoin_all()
        self._alive_s = max(self._alive_s, beaten_s)

    def _learned_time(self, known_to_s: float) -> None:
        """A slow answer says only roughly what the time is; where the second is slow, too, nothing better will come."""
        self._answers += 1
        self._dates = known_to_s <= DATED_TO_S or self._answers > 1
        if self._dates:
            self._release_held()
        else:
            self._ask_time()

    def rejoin_all(self) -> None:
        """Players may have been taken out of the world together with their gateway."""
        for connection in self._registry.all:
            if connection.playing:
                self.rejoin(connection)

    def rejoin(self, connection: Connection) -> None:
        """The player was taken out of the world, perhaps: what is unanswered waits until it is back in it."""
        now_s = self._clock.seconds()
        connection.returning_since_s = connection.returning_since_s or now_s
        if not connection.rejoin_emitted_s or now_s - connection.rejoin_emitted_s > self._limits.republish_after_s:
            connection.rejoin_emitted_s = now_s
            self.emit_for(connection, Rejoin())

    def is_back(self, connection: Connection) -> None:
        """The player is in the world again: the lanes go on."""
        connection.rejoin_emitted_s = 0.0
        self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        connection.returning_since_s = 0.0
        self._release(connection)

    def _release(self, connection: Connection) -> None:
        for lane in connection.lanes.values():
            self._go_again(connection, lane)

    def _go(self, connection: Connection, lane: Lane) -> None:
        """Send what the lane has to send now, unless the broker is away, or something else comes first."""
        if self.broker.up and not self._holds(connection):
            self._gather(lane.next(self._clock.seconds()))

    def _go_again(self, connection: Connection, lane: Lane) -> None:
        """The same, and what is under way once more; it goes in its order."""
        if self.broker.up and not self._holds(connection):
            self._gather(lane.again(self._clock.seconds()))

    def _holds(self, connection: Connection) -> bool:
        """Whether its lanes wait: its player returns to the world first, or nobody has said yet what the time is.

        An entrance is dated in server time: which of two was the later one must not depend on this machine's clock.
        """
        return connection.returning_since_s > 0 or not (self._dates or connection.player)

    def _held(self) -> list[tuple[Connection, Lane]]:
        """The lanes of those who wait to be let in."""
        return [(s, lane) for s in self._registry.all if not s.player for lane in s.lanes.values()]

    def _release_held(self) -> None:
        for connection, lane in self._held():
            lane.date(self._now_ms())
            self._go(connection, lane)

    def _refuse_held(self, code: str, message: str) -> None:
        """The time is not said either by those who would let them in."""
        for connection, lane in self._held() if not self._dates else ():
            self._refuse_all(connection, lane.withdraw(Login.spec.family), code, message)

    def broker_down(self) -> None:
        """The broker is away: nobody knows what arrived."""
        self._availability.forget()
        self._in_flight.clear()
        for connection in self._registry.all:
            connection.returning_since_s = connection.rejoin_emitted_s = 0.0
        for batcher in self._all_batchers:
            self._never_published(batcher.drop())

    def _never_published(self, envelopes: Sequence[Envelope]) -> None:
        """These waited for their batch when the broker went away."""
        for _, lane, seqs in self._lanes(envelopes):
            lane.not_in_queue(seqs)
        self._keep(envelopes)

    def family_down(self, family: str) -> None:
        """A family has no live worker: what may be in the queue waits, what depends on it and is not is refused."""
        for connection in self._registry.all:
            for lane in connection.lanes.values():
                self._refuse_all(connection, lane.withdraw(family), "unavailable", _nobody_serves(family))

    def check_timeouts(self, connection: Connection, now_s: float) -> None:
        """Ask again for answers that may have been lost; give up what has no effect and takes too long."""
        if connection.returning_since_s and now_s - connection.returning_since_s > self._limits.unavailable_after_s:
            self._go_on(connection)  # nobody said so, but lanes must not wait for ever
        for name, lane in connection.lanes.items():
            if lane.unanswered:
                self._check_lane_timeouts(connection, name, lane, now_s)

    def _check_lane_timeouts(self, connection: Connection, name: str, lane: Lane, now_s: float) -> None:
        for envelope in lane.in_flight:
            self._meters.waits(envelope)
            if self._is_given_up(envelope) and self.complete(connection, name, envelope.event.seq):
                self._give_up(connection, envelope.event)
        if lane.family and now_s > lane.due_s:
            self._republish(connection, lane, now_s)

    def _republish(self, connection: Connection, lane: Lane, now_s: float) -> None:
        """Nobody answered in time. A family that is down is only probed: copies of everything would fill its queue."""
        if self._availability.is_down(lane.family):
            lane.due_s = now_s + self._limits.unavailable_after_s
        else:
            self._go_again(connection, lane)

    def _give_up(self, connection: Connection, event: Event) -> None:
        if self._availability.is_down(event.spec.family):
            self._refuse(connection, event, "unavailable", _nobody_serves(event.spec.family))
        else:
            self._refuse(connection, event, "stale", "This took too long and was dropped.")

    def _is_given_up(self, envelope: Envelope) -> bool:
        """Whether to say so of a question that nobody answers. What has an effect is in doubt until a process says."""
        spec = envelope.event.spec
        age_s = self._now_ms() / 1000 - envelope.at_ms / 1000
        return spec.stale_after_s > 0 and not spec.numbered and age_s > given_up_after_s(spec)


def _nobody_serves(family: str) -> str:
    return f"Nobody serves {family} at the moment."
