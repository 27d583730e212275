"""The middle of the gateway: connections begin and end here, and everything else is passed to the room it belongs to.

``crowd`` holds the sessions, ``inward`` leads from them into the queue, ``outward`` from the queue to them. None
knows what any event means: the gateway obeys the ``SessionUpdate`` that comes with a reply.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from gameserver.broker.topology import Queues
from gameserver.clocks import ServerClock
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.modules.sessions.events import Heartbeat, Lost
from gameserver.security.sealing import Sealer
from gameserver.wire.packets import Unavailable, Welcome
from gameserver.wire.server import ServerConnection
from gateway.amqp.broker import Broker
from gateway.connections.connection import Line, Session
from gateway.connections.registry import Crowd
from gateway.egress.dispatcher import Outward
from gateway.ingress.availability import Health
from gateway.ingress.batcher import Clock
from gateway.ingress.in_flight import Flight, Flights
from gateway.ingress.ingress import Inward
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)

SWEPT_AT_ONCE = 250  # sessions, a millisecond's work


class Hub:
    """All of a gateway but its sockets.

    ``wall_ms``: the machine's clock, believed until processes have said what the time is; ``mint`` makes secrets of so
    many bytes, as text.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        limits: Limits,
        queues: Queues,
        sealer: Sealer,
        wall_ms: Callable[[], int],
        mint: Callable[[int], str],
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._limits = limits
        self._mint = mint
        self._crowd = Crowd(clock, limits)
        self._flights = Flights()
        self._health = Health(limits.unavailable_after_s, self._flights)
        time = ServerClock(clock.seconds, wall_ms)
        self.meters = Meters(time, clock.seconds)
        self._inward = Inward(
            clock=clock,
            gateway=gateway,
            limits=limits,
            queues=queues,
            sealer=sealer,
            now_ms=time.now_ms,
            ask_time=self.heartbeat,
            crowd=self._crowd,
            health=self._health,
            flights=self._flights,
            meters=self.meters,
        )
        self._outward = Outward(
            clock=clock,
            gateway=gateway,
            crowd=self._crowd,
            inward=self._inward,
            health=self._health,
            flights=self._flights,
            meters=self.meters,
            far_position_s_max=limits.far_position_ms_max / 1000,
        )
        self.handle_result = self._outward.outbound  # no step more than needed in every reply's way
        self._was_up = False
        self._sweeping = False
        self._greeting = self._make_greeting()

    def use(self, broker: Broker) -> None:
        """The broker to publish to and to be bound at; before anything else."""
        self._broker = self._inward.broker = self._outward.broker = broker

    @property
    def sessions(self) -> Sequence[Session]:
        """All connections."""
        return self._crowd.all

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return self._inward.unanswered

    @property
    def skew_s(self) -> float:
        """How far this machine's clock is ahead of server time; 0 until that is known."""
        return self.meters.time.skew_ms / 1000

    @property
    def has_broker(self) -> bool:
        """Whether events can be published now."""
        return self._broker.up

    @property
    def unavailable(self) -> frozenset[str]:
        """The families that nobody serves."""
        return self._health.down

    @property
    def all_published(self) -> bool:
        """Whether nothing waits to be published or confirmed."""
        return self._inward.all_published

    def flights_of(self, id_: str) -> list[Flight]:
        """The batches, under way or done, that an event went in."""
        known = [*self.meters.remembered, *self._flights]
        return [flight for flight in known if any(envelope.id == id_ for envelope in flight.batch)]

    def _make_greeting(self) -> Welcome:
        return Welcome(
            protocol=1,
            catalogue=catalogue.fingerprint(),
            gateway=self._gateway,
            frame_bytes_max=self._limits.frame_bytes_max,
            lane_waiting_max=self._limits.lane_waiting_max,
            packets_per_s=self._limits.packets_per_s,
            idle_s_max=self._limits.idle_s_max,
        )

    # Connections.

    def begin(self, line: Line) -> Session:
        """A client connected."""
        session = Session(
            conn=f"{self._gateway}.{self._mint(9)}",
            token=self._mint(32),
            wire=ServerConnection(self._limits, self._greeting),
            line=line,
            limits=self._limits,
            now_s=self._clock.seconds(),
        )
        self._crowd.add(session)
        self.meters.connected += 1
        return session

    def received(self, session: Session, data: bytes) -> None:
        """A client sent bytes. Who was told goodbye is not listened to any more."""
        if session.wire.closed:
            return
        session.heard_s = self._clock.seconds()
        for event in session.wire.receive(data, session.heard_s):
            self._inward.accept(session, event)
        self._crowd.answer(session)

    def ended(self, session: Session) -> None:
        """A client's connection is gone."""
        self._crowd.remove(session)
        self._inward.forget(session)
        self._outward.forget(session)
        self.meters.disconnected(session.ending, session.wire.packets, session.wire.packets_refused)
        if session.player:
            self._inward.say_for(session, Lost())

    def dismiss(self) -> None:
        """Tell all that this gateway is going away, and accept nothing more; what is under way is still answered."""
        for session in self._crowd.all:
            self._crowd.dismiss(session)

    def reads_again(self, session: Session) -> None:
        """A slow client has read what was written: show it the present instead of what it missed."""
        session.resume()
        if session.spared and session.playing:
            session.spared = False
            self._outward.then(session, "look")

    # Now and then.

    def heartbeat(self) -> None:
        """Tell the data tier that this gateway lives."""
        if self._broker.up:
            beat = Heartbeat(sessions=len(self._crowd), after=self._outward.roll_call.after)
            self._inward.say(beat, conn=self._gateway)  # it is the gateway that is answered

    def sweep(self) -> None:
        """Look after everyone: who is silent, who must leave, whose answer does not come, which family is away."""
        if not self._sweeping:  # otherwise the last sweep has not come to its end yet
            self._sweeping = True
            self.meters.look_anew()
            self._sweep_part(iter(self._crowd.all))
        judged = self._health.sweep(self._clock.seconds())
        for flights in judged.probes:
            self._inward.probe(flights)
        for family in judged.fallen:
            log.warning("nobody serves %s", family)
            self._crowd.tell_players(Unavailable(family=family))
            self._inward.family_down(family)
        for family in judged.back:
            self._crowd.tell_players(Unavailable(family=family, back=True))

    def _sweep_part(self, unswept: Iterator[Session]) -> None:
        """A crowd is looked after in parts: between them the reactor reads."""
        now_s = self._clock.seconds()
        part = list(islice(unswept, SWEPT_AT_ONCE))
        self._sweeping = len(part) == SWEPT_AT_ONCE
        if self._sweeping:
            self._clock.callLater(0.0, self._sweep_part, unswept)
        for session in part:
            if not session.gone:
                self._sweep(session, now_s)
        if not self._sweeping:
            self.meters.looked()

    def _sweep(self, session: Session, now_s: float) -> None:
        if session.wire.closed:
            self._crowd.end_overdue(session, now_s)
        elif session.dawdling and now_s - session.began_s > self._limits.login_timeout_s:
            self._crowd.close(session, "login_timeout")
        elif now_s - session.heard_s > self._limits.idle_s_max:
            self._crowd.close(session, "idle_timeout")
        else:
            self._inward.look_after(session, now_s)

    # The broker.

    def broker_up(self) -> None:
        """The broker is there (again): everyone returns to the world, and what is unanswered is published again."""
        self.heartbeat()
        self._outward.bind_all()
        if self._was_up:
            self._inward.rejoin_all()
        self._inward.broker_up()
        self._was_up = True

    def broker_down(self) -> None:
        """The broker is away."""
        self._inward.broker_down()
