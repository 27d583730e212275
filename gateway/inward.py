"""From sessions into the queue.

An accepted event goes into its lane, from there into a batch, and is published; it counts as waiting until it is
answered. What is certainly not in the queue is refused, what may or may not be is published again. Clients' events
stand in their lanes as long as the broker is away; of the gateway's own only those are kept that nobody else would say.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from twisted.python.failure import Failure

from gameserver.events import catalogue
from gameserver.events.base import Event, Spec
from gameserver.events.envelope import Envelope
from gameserver.events.message import task_message
from gameserver.events.sessions import GATEWAY_SILENT_MS, Login, Lost, Rejoin
from gameserver.limits import Limits
from gameserver.logs import about
from gameserver.secrecy import Sealer, token_hash
from gameserver.topology import Queues
from gameserver.wire.packets import Error
from gameserver.wire.states import State
from gateway.batches import Batcher, Clock
from gateway.broker import Broker, Busy, Unroutable
from gateway.crowd import Crowd
from gateway.health import Health, given_up_after_s
from gateway.lanes import Lane
from gateway.meters import Meters
from gateway.session import Session

log = logging.getLogger(__name__)

AGAIN_S = 1.0
DOUBTED_MS = GATEWAY_SILENT_MS - 3_000  # clocks differ, and the data tier looks only now and then


class Inward:
    """What a gateway sends into the queue, and what of it is unanswered. ``wall_ms``: milliseconds since 1970."""

    broker: Broker

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        limits: Limits,
        queues: Queues,
        sealer: Sealer,
        wall_ms: Callable[[], int],
        crowd: Crowd,
        health: Health,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._limits = limits
        self._queues = queues
        self._sealer = sealer
        self._wall_ms = wall_ms
        self._crowd = crowd
        self._health = health
        self._meters = meters
        self._batchers: dict[str, dict[str, Batcher]] = {name: {} for name in catalogue.events()}  # event -> queue
        self._accepted = 0  # accepted and not answered, in all sessions
        self._born = 0
        self._unconfirmed = 0  # batches published and not confirmed
        self._retained: list[Envelope] = []  # the gateway's own events that wait for the broker
        self._alive_ms = wall_ms()  # when the last heartbeat that was applied was sent
        self._doubted_ms = -GATEWAY_SILENT_MS  # when everyone was last made to return because of that

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
            flight_max=self._limits.batches_flight_max,
            flight_s_max=self._limits.batch_flight_ms_max / 1000,
            gap_s_max=self._limits.batch_gap_ms_max / 1000,
        )

    # What clients send.

    def accept(self, session: Session, event: Event) -> None:
        """A client's event: into its lane, or refused."""
        lane = session.lane(event.spec.lane)
        if self._health.is_down(event.spec.family):
            self._refuse(session, event, "unavailable", _unserved(event.spec.family))
            return
        full = self._accepted >= self._limits.gateway_waiting_max
        if full or not lane.accept(self._envelope(session, event)):
            self._refuse(session, event, "busy", "Too many events wait. Try again in a moment.")
            return
        self._accepted += 1
        self._go(session, lane.next(self._clock.seconds()))

    def answered(self, session: Session, lane_name: str, seq: int) -> Envelope | None:
        """An event was answered: its lane goes on. ``None`` when it had been answered before."""
        lane = session.lanes.get(lane_name)
        envelope = lane.answered(seq) if lane is not None else None
        if lane is None or envelope is None:
            return None
        self._accepted -= 1
        if lane.unanswered:
            self._go(session, lane.next(self._clock.seconds()))
        return envelope

    def forget(self, session: Session) -> None:
        """A session is gone, and with it what waited in its lanes."""
        self._accepted -= session.unanswered

    def _refuse(self, session: Session, event: Event, code: str, message: str) -> None:
        self._meters.refused(event.spec.name, code)
        self._crowd.tell(session, Error(code=code, message=message, re=event.seq))
        if event.spec.lane == Login.spec.lane:
            session.wire.refused()

    def _envelope(self, session: Session, event: Event) -> Envelope:
        return Envelope(
            id=f"{session.session or session.conn}:{event.seq}",
            event=self._sealer.seal(event),
            at_ms=self._wall_ms(),
            conn=session.conn,
            session=session.session,
            player=session.player,
            gateway=self._gateway,
            token=token_hash(session.token) if session.wire.state is State.ENTERING else "",
            place=session.place if self._queues.split else "",
        )

    # What the gateway itself has to say.

    def say(self, event: Event, *, conn: str = "", session: str = "", player: str = "") -> None:
        """An event of the gateway's own, on behalf of a connection or of itself."""
        self._born += 1
        envelope = Envelope(
            id=f"{conn or self._gateway}:{event.spec.name}{self._born}",
            event=event,
            at_ms=self._wall_ms(),
            conn=conn,
            session=session,
            player=player,
            gateway=self._gateway,
        )
        self._send([envelope])

    def say_for(self, session: Session, event: Event) -> None:
        """An event of the gateway's own, on behalf of a session."""
        self.say(event, conn=session.conn, session=session.session, player=session.player)

    # Into the queue.

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        if not envelopes:
            return
        if self.broker.up:
            self._batcher(envelopes[0].event.spec, envelopes[0].place).add(envelopes)
        else:
            self._keep(envelopes)

    def _keep(self, envelopes: Sequence[Envelope]) -> None:
        """Until the broker is back: clients' events stand in their lanes, only the gateway's own must be kept here."""
        own = [e for e in envelopes if e.event.spec.origin == "gateway" and isinstance(e.event, Lost)]
        self._retained += own

    def _publish(self, queue: str, batch: Sequence[Envelope]) -> str:
        message = task_message(batch, self._gateway)
        self._unconfirmed += 1
        self._health.published(batch[0].event.spec, message.task_id, self._clock.seconds())
        self._meters.published(message.task_id, batch)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("published %s", message.task_id, extra=about(*(envelope.id for envelope in batch)))
        published = self.broker.publish(message, queue)
        published.addErrback(self._not_published, batch, message.task_id).addBoth(self._settled)
        return message.task_id

    def _settled(self, _: None) -> None:
        self._unconfirmed -= 1

    def done(self, event: str, task_id: str, worked_s: float = 0.0) -> None:
        """A process is done with a batch of this type, on which it worked so long: the next may go."""
        for batcher in self._batchers.get(event, {}).values():
            batcher.done(task_id, worked_s)

    def _not_published(self, failure: Failure, batch: Sequence[Envelope], task_id: str) -> None:
        spec = batch[0].event.spec
        self._health.not_published(spec.family, task_id)
        self.done(spec.name, task_id)
        if failure.check(Busy, Unroutable) and isinstance(batch[0].event, Lost | Rejoin):
            self._clock.callLater(AGAIN_S, self._send, batch)  # nobody else would ever say it
        elif failure.check(Busy):
            self._refuse_all(batch, "busy", "The queue is full. Try again in a moment.")
        elif failure.check(Unroutable):
            self._refuse_all(batch, "unavailable", "Nobody serves this at the moment.")
        else:
            self._keep(batch)
            self._clock.callLater(AGAIN_S, self._publish_uncertain, batch)

    def _refuse_all(self, batch: Sequence[Envelope], code: str, message: str) -> None:
        for envelope in batch:
            session = self._crowd.get(envelope.conn)
            if session is not None and self.answered(session, envelope.event.spec.lane, envelope.event.seq):
                self._refuse(session, envelope.event, code, message)

    def _publish_uncertain(self, batch: Sequence[Envelope]) -> None:
        """Nobody knows whether these were published: publish again what is still unanswered.

        When the broker went away and came back meanwhile that was done already, and doing it twice does no harm.
        """
        if not self.broker.up:
            return
        for conn, lane_name in dict.fromkeys((e.conn, e.event.spec.lane) for e in batch):
            session = self._crowd.get(conn)
            lane = session.lanes.get(lane_name) if session else None
            if session is not None and lane is not None:
                self._go(session, lane.in_flight)
        self._send_retained()

    def _send_retained(self) -> None:
        retained, self._retained = self._retained, []
        for envelope in retained:
            self._send([envelope])

    # The broker comes and goes, and so do families.

    def broker_up(self) -> None:
        """The broker is there (again): what is unanswered is published again.

        For a player who may have left the world meanwhile, not before the player is back in it.
        """
        self._alive_ms = self._wall_ms()
        self._send_retained()
        for session in self._crowd.all:
            self._release(session)

    def is_alive(self, beaten_ms: int) -> None:
        """A heartbeat of that time was applied. If the one before is old, the gateway may have counted as dead."""
        now_ms = self._wall_ms()
        if now_ms - self._alive_ms > DOUBTED_MS and now_ms - self._doubted_ms > GATEWAY_SILENT_MS:
            log.warning("this gateway was not heard of for too long: its players return to the world")
            self._doubted_ms = now_ms  # not with each heartbeat: that would slow down what is slow already
            self.rejoin_all()
        self._alive_ms = max(self._alive_ms, beaten_ms)

    def rejoin_all(self) -> None:
        """Players may have been taken out of the world together with their gateway."""
        for session in self._crowd.all:
            if session.playing:
                self.rejoin(session)

    def rejoin(self, session: Session) -> None:
        """The player was taken out of the world, perhaps: what is unanswered waits until it is back in it."""
        now_s = self._clock.seconds()
        session.returning_since_s = session.returning_since_s or now_s
        if not session.rejoin_said_s or now_s - session.rejoin_said_s > self._limits.ask_again_after_s:
            session.rejoin_said_s = now_s
            self.say_for(session, Rejoin())

    def is_back(self, session: Session) -> None:
        """The player is in the world again: the lanes go on."""
        session.rejoin_said_s = 0.0
        self._go_on(session)

    def _go_on(self, session: Session) -> None:
        session.returning_since_s = 0.0
        self._release(session)

    def _release(self, session: Session) -> None:
        for lane in session.lanes.values():
            self._go(session, lane.in_flight or lane.next(self._clock.seconds()))

    def _go(self, session: Session, envelopes: Sequence[Envelope]) -> None:
        """Send what a lane released; it stands in the lane as long as the player returns to the world."""
        if not session.returning_since_s:
            self._send(envelopes)

    def broker_down(self) -> None:
        """The broker is away: nobody knows what arrived."""
        self._health.forget()
        for session in self._crowd.all:
            session.returning_since_s = session.rejoin_said_s = 0.0
        for batcher in self._all_batchers:
            self._keep(batcher.drop())

    def family_down(self, family: str) -> None:
        """A family has no live worker: what was published waits, what was not is refused."""
        for session in self._crowd.all:
            for lane in session.lanes.values():
                for envelope in lane.withdraw(family):
                    self._accepted -= 1
                    self._refuse(session, envelope.event, "unavailable", _unserved(family))

    def look_after(self, session: Session, now_s: float) -> None:
        """Answer transient events that nobody will answer any more; ask again for a reply that must have been lost."""
        if session.returning_since_s and now_s - session.returning_since_s > self._limits.unavailable_after_s:
            self._go_on(session)  # nobody said so, but lanes must not wait for ever
        for name, lane in session.lanes.items():
            if lane.unanswered:
                self._look_after_lane(session, name, lane, now_s)

    def _look_after_lane(self, session: Session, name: str, lane: Lane, now_s: float) -> None:
        for envelope in lane.in_flight:
            self._meters.waits(envelope)
            if self._is_given_up(envelope) and self.answered(session, name, envelope.event.seq):
                self._give_up(session, envelope.event)
        if lane.in_flight and now_s - lane.flight_since_s > self._limits.ask_again_after_s:
            lane.flight_since_s = now_s
            self._go(session, lane.in_flight)

    def _give_up(self, session: Session, event: Event) -> None:
        if self._health.is_down(event.spec.family):
            self._refuse(session, event, "unavailable", _unserved(event.spec.family))
        else:
            self._refuse(session, event, "stale", "This took too long and was dropped.")

    def _is_given_up(self, envelope: Envelope) -> bool:
        spec = envelope.event.spec
        age_s = self._wall_ms() / 1000 - envelope.at_ms / 1000
        return spec.stale_after_s > 0 and age_s > given_up_after_s(spec)


def _unserved(family: str) -> str:
    return f"Nobody serves {family} at the moment."
