"""The middle of the gateway: connections begin and end here, and everything else is passed to its part.

The registry holds the connections, the ingress leads from them into the queue, the dispatcher from the queue to them.
None knows what any event means: the gateway obeys the ``SessionUpdate`` that comes with a reply.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import chain

from gameserver.broker.topology import Queues
from gameserver.declare import catalogue
from gameserver.declare.session_events import Heartbeat, Lost
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.process_reports import EventTimes
from gameserver.security.sealing import Sealer
from gameserver.server_time import ServerClock
from gameserver.wire.codecs import Codec, TalkingCodec
from gameserver.wire.packets import Welcome
from gameserver.wire.server import ServerConnection
from gateway.amqp.broker import Broker
from gateway.clock import Clock
from gateway.connections.connection import Connection, Transport
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.egress.dispatcher import Dispatcher
from gateway.egress.nearest_gateway import GatewayDirectory
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.completion import Completion
from gateway.ingress.gateway_events import Emitter
from gateway.ingress.in_flight import InFlightRegistry
from gateway.ingress.ingress import Ingress
from gateway.ingress.lane_scheduler import LaneScheduler
from gateway.ingress.publisher import Publisher
from gateway.ingress.recovery import Recovery
from gateway.ingress.roll_call import Attendance
from gateway.metrics.batch_times import times_of
from gateway.metrics.meters import Meters
from gateway.outage_watch import OutageWatch
from gateway.pace import Pace
from gateway.sweeper import Sweeper

log = logging.getLogger(__name__)

NOWHERE_ELSE = GatewayDirectory("", {})


class Hub:
    """All of a gateway but its sockets.

    ``wall_ms``: the machine's clock, believed until processes have said what the time is; ``mint`` makes secrets of so
    many bytes, as text; ``directory``: where else players are served.
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
        directory: GatewayDirectory = NOWHERE_ELSE,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._limits = limits
        self._mint = mint
        time = ServerClock(clock.seconds, wall_ms)
        self.meters = Meters(time, clock.seconds)
        self._registry = ConnectionRegistry()
        self.pace = Pace(limits.latency_budget_ms / 1000)
        self._writer = Writer(clock, limits, self.pace)
        self._in_flight = InFlightRegistry()
        self._availability = FamilyAvailability(limits.unavailable_after_s, self._in_flight)
        self._publisher = Publisher(
            clock=clock,
            gateway=gateway,
            limits=limits,
            pace=self.pace,
            queues=queues,
            now_ms=time.now_ms,
            registry=self._registry,
            in_flight=self._in_flight,
            meters=self.meters,
        )
        self._emitter = Emitter(
            clock=clock, gateway=gateway, now_ms=time.now_ms, registry=self._registry, publisher=self._publisher
        )
        self._lanes = LaneScheduler(
            clock=clock,
            now_ms=time.now_ms,
            registry=self._registry,
            writer=self._writer,
            publisher=self._publisher,
            meters=self.meters,
        )
        self._ingress = Ingress(
            gateway=gateway,
            limits=limits,
            queues=queues,
            sealer=sealer,
            now_ms=time.now_ms,
            lanes=self._lanes,
            writer=self._writer,
            availability=self._availability,
        )
        self._recovery = self._publisher.failures = Recovery(
            clock=clock,
            limits=limits,
            now_ms=time.now_ms,
            ask_time=self.heartbeat,
            registry=self._registry,
            lanes=self._lanes,
            publisher=self._publisher,
            emitter=self._emitter,
            availability=self._availability,
            meters=self.meters,
        )
        self._attendance = Attendance(gateway, self._registry, self._emitter, self._recovery)
        self._dispatcher = Dispatcher(
            clock=clock,
            gateway=gateway,
            registry=self._registry,
            writer=self._writer,
            completion=Completion(
                clock=clock,
                registry=self._registry,
                writer=self._writer,
                in_flight=self._in_flight,
                publisher=self._publisher,
                lanes=self._lanes,
                recovery=self._recovery,
                availability=self._availability,
                meters=self.meters,
            ),
            emitter=self._emitter,
            about_gateway=self._attendance.answered,
            meters=self.meters,
            pace=self.pace,
            directory=directory,
            far_position_s_max=limits.far_position_ms_max / 1000,
        )
        self.handle_result = self._dispatcher.dispatch  # no step more than needed in every reply's way
        self._sweeper = Sweeper(
            clock=clock,
            limits=limits,
            registry=self._registry,
            writer=self._writer,
            recovery=self._recovery,
            meters=self.meters,
            close_done=self._close_done,
        )
        self._watch = OutageWatch(
            clock=clock,
            availability=self._availability,
            registry=self._registry,
            writer=self._writer,
            lanes=self._lanes,
            publisher=self._publisher,
            recovery=self._recovery,
            dispatcher=self._dispatcher,
        )
        self._was_up = False
        self._greeting = self._make_greeting()

    def use(self, broker: Broker) -> None:
        """The broker to publish to and to be bound at; before anything else."""
        self._broker = self._publisher.broker = self._dispatcher.broker = broker

    @property
    def connections(self) -> Sequence[Connection]:
        """All connections."""
        return self._registry.all

    @property
    def players(self) -> int:
        """How many players are in the world through this gateway."""
        return len(self._registry.playing)

    @property
    def connections_max(self) -> int:
        """How many connections are let in: what the settings say, or fewer, by the descriptors of this process."""
        return self._limits.connections_max

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return self._lanes.unanswered

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
        return self._availability.down

    @property
    def all_published(self) -> bool:
        """Whether nothing waits to be published or confirmed."""
        return self._publisher.all_published

    @property
    def kept(self) -> dict[str, int]:
        """How much stands in each registry: what belongs to those who are gone must not stay."""
        return {
            "connections": len(self._registry),
            "batches": len(self._in_flight),
            "remembered": len(self.meters.remembered),
            **self._dispatcher.kept,
        }

    def times_of(self, id_: str) -> list[EventTimes]:
        """Find the times of an event in each batch, done or in flight, that it was published in."""
        known = chain(self.meters.remembered, map(times_of, self._in_flight))
        return [times for batch in known for times in batch.of(id_)]

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

    def begin(self, transport: Transport, codec: Codec | None = None) -> Connection:
        """Take in a client that has connected. ``codec``: how it speaks, where that was agreed to."""
        connection = Connection(
            id_=f"{self._gateway}.{self._mint(9)}",
            token=self._mint(32),
            protocol=ServerConnection(self._limits, self._greeting, codec),
            transport=transport,
            limits=self._limits,
            now_s=self._clock.seconds(),
        )
        self._registry.add(connection)
        self.meters.connected += 1
        if isinstance(codec, TalkingCodec):
            connection.protocol.greet()
            self._writer.send_protocol_output(connection)
        return connection

    def received(self, connection: Connection, data: bytes) -> None:
        """Accept what a client sent, unless it was told goodbye."""
        if connection.protocol.closed:
            return
        for event in connection.receive(data, self._clock.seconds()):
            self._ingress.accept(connection, event)
        self._writer.send_protocol_output(connection)

    def half_closed(self, connection: Connection) -> None:
        """Answer what a client sent before it closed its side, and then say goodbye."""
        connection.note_end_of_input(self._clock.seconds())
        self._close_done(connection)

    def _close_done(self, connection: Connection) -> None:
        if connection.is_done(self._clock.seconds(), self._limits.close_timeout_s):
            self._writer.close(connection, "half_closed")

    def ended(self, connection: Connection) -> None:
        """Forget a connection whose socket is closed, and report its player as lost."""
        self._registry.remove(connection)
        self._lanes.forget(connection)
        self._dispatcher.forget(connection)
        self.meters.disconnected(connection.ending, connection.protocol.packets, connection.protocol.packets_refused)
        if connection.player:
            self._emitter.emit_for(connection, Lost())

    def dismiss(self) -> None:
        """Tell all that this gateway is going away, and accept nothing more; what is in flight is still answered."""
        for connection in self._registry.all:
            self._writer.dismiss(connection)

    def reads_again(self, connection: Connection) -> None:
        """Go on with a slow client that has read what was written: show it the present instead of what it missed."""
        connection.outgoing.resume()
        if connection.playing and connection.outgoing.take_missed_broadcasts():
            self._dispatcher.refresh_view(connection)

    # Under ``gameserver dev``.

    def take_up_catalogue(self) -> None:
        """Greet new clients with the catalogue as it is now."""
        self._greeting = self._make_greeting()

    def hold(self) -> None:
        """Publish no client's event until ``release``."""
        self._lanes.held = True

    def release(self) -> None:
        """Publish what waited meanwhile."""
        self._lanes.release()

    def has_in_flight(self, chosen: Callable[[Envelope], bool]) -> bool:
        """Whether any event of these is published and not answered."""
        return bool(self._lanes.in_flight_where(chosen))

    def refuse_waiting(self, chosen: Callable[[Envelope], bool], code: str, message: str) -> None:
        """Refuse events of these that were not published."""
        self._lanes.refuse_waiting_where(chosen, code, message)

    def refuse_in_flight(self, chosen: Callable[[Envelope], bool], code: str, message: str) -> None:
        """Answer events of these that were published, without having heard of them."""
        for connection, lane, envelope in self._lanes.in_flight_where(chosen):
            if self._lanes.complete(connection, lane, envelope.event.seq):
                self._lanes.refuse(connection, envelope.event, code, message)
        self._lanes.advance_completed()

    # Now and then.

    def heartbeat(self) -> None:
        """Tell the data tier that this gateway lives."""
        if self._broker.up:
            beat = Heartbeat(sessions=len(self._registry), after=self._attendance.after)
            self._emitter.emit(beat, conn=self._gateway)  # it is the gateway that is answered

    def sweep(self) -> None:
        """Check all: clients that are silent or overdue, answers that do not come, families that do not answer."""
        self._sweeper.sweep()
        self._watch.look()

    def restore(self) -> None:
        """Make anew what somebody removed from the broker by hand: of most of it no process is told."""
        self._watch.restore()

    # The broker.

    def broker_up(self) -> None:
        """Let everyone return to the world, and publish again what is unanswered: the broker is there (again)."""
        self.heartbeat()
        self._dispatcher.bind_all()
        if self._was_up:
            self._recovery.rejoin_all()
        self._recovery.broker_up()
        self._was_up = True

    def broker_down(self) -> None:
        """Take what is in flight for in doubt: the broker is away."""
        self._recovery.broker_down()
