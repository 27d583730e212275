"""From the queue to connections.

A process says what is to be told: packets for one connection, which may carry what the gateway has to do for it
(``SessionUpdate``), and packets for all who watch a topic. Those of one message for the same topics are framed
together, once per codec, the same bytes for all. A crowd hears less often of those farther away.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Protocol

from twisted.internet import defer

from gameserver.declare import catalogue
from gameserver.declare.session_events import SESSION_LANE, Lost
from gameserver.messages.outbound import BatchResult, Multicast, SessionUpdate, Unicast
from gameserver.wire.packets import Elsewhere
from gameserver.wire.states import State
from gateway import latency_budget
from gateway.amqp.broker import Broker
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.egress.conflation import CROWDED, Audience, Conflator
from gateway.egress.interest import Interest
from gateway.egress.nearest_gateway import GatewayDirectory
from gateway.egress.recent_ids import RecentIds
from gateway.ingress.gateway_events import Emitter
from gateway.ingress.in_flight import Batch
from gateway.metrics.meters import Meters
from gateway.pace import Pace

TOLD_KEPT = 20_000
TOLD_AGE_S = 300.0


class Completing(Protocol):
    """The way back from replies into the lanes; see ``gateway.ingress.completion``."""

    def finish(self, result: BatchResult) -> Batch | None: ...

    def complete(self, connection: Connection, reply: Unicast) -> bool: ...

    def rejoined(self, connection: Connection) -> None: ...

    def advance(self) -> None: ...


class Dispatcher:
    """What a gateway tells its clients, and which topics they watch.

    ``about_gateway``: takes what is said to the gateway itself, after its heartbeats.
    """

    broker: Broker

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        registry: ConnectionRegistry,
        writer: Writer,
        completion: Completing,
        emitter: Emitter,
        about_gateway: Callable[[SessionUpdate, Batch | None], None],
        meters: Meters,
        pace: Pace,
        directory: GatewayDirectory,
        far_position_s_max: float,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._registry = registry
        self._writer = writer
        self._completion = completion
        self._emitter = emitter
        self._about_gateway = about_gateway
        self._meters = meters
        self._pace = pace
        self._directory = directory
        self._interest: Interest[Connection] = Interest()
        self._mailed = RecentIds(TOLD_KEPT, inf)  # once on a connection
        self._told = RecentIds(TOLD_KEPT, TOLD_AGE_S)
        self._linger_s: dict[str, float] = {}  # event -> how long the last batch's gathered
        self._conflator = Conflator(clock, self._broadcast_far, far_position_s_max)

    @property
    def kept(self) -> dict[str, int]:
        """How much stands in each registry."""
        return {
            "topics": self._interest.topics,
            "watchers": self._interest.watchers,
            "told": len(self._told),
            "mailed": len(self._mailed),
            "conflated": len(self._conflator),
        }

    def dispatch(self, result: BatchResult) -> None:
        """Tell clients what a batch has to tell, each in one write. Then the lanes of those who were answered go on."""
        batch = self._completion.finish(result)
        for unicast in result.unicasts:
            connection = self._registry.get(unicast.conn)
            if connection is not None:
                self._unicast(connection, unicast)
            elif unicast.follow is not None:
                self._follow_without_connection(unicast.conn, unicast.follow, batch)
        self._tell_sights(result, batch)
        self._completion.advance()

    def _tell_sights(self, result: BatchResult, batch: Batch | None) -> None:
        """Tell who watches, and write what can't wait for the next result, replies first.

        Of a batch of another gateway's it is not known when it was published, nor how long its events had gathered:
        about as long as here.
        """
        now_s, budget_s = self._clock.seconds(), self._pace.budget_s
        if batch is not None:
            self._linger_s[result.done] = batch.linger_s
            published_s = batch.published_s
        else:
            published_s = now_s - latency_budget.elsewhere_s(result.took_ms / 1000, budget_s)
        linger_s = self._linger_s.get(result.done, 0.0)
        due_s = max(now_s, published_s + latency_budget.hold_s(linger_s, budget_s))
        for same in by_audience(result.multicasts):
            self._multicast(same, due_s)
        self._writer.flush_now(now_s + latency_budget.next_s(linger_s))

    # To one.

    def _unicast(self, connection: Connection, unicast: Unicast) -> None:
        if not self._completion.complete(connection, unicast):
            return
        if unicast.id and not self._mailed.add((connection.id, unicast.id), self._clock.seconds()):
            return
        if unicast.follow is not None:
            self._follow_identity(connection, unicast.follow)
        elif unicast.re and unicast.lane == SESSION_LANE:
            connection.protocol.refused()
        connection.put_reply(unicast.packet)
        self._writer.schedule_reply_flush(connection)
        if unicast.follow is not None:
            self._follow(connection, unicast.follow)

    def _follow_without_connection(self, conn: str, follow: SessionUpdate, batch: Batch | None) -> None:
        """Deal with what is said to the gateway itself, or to someone let in whose connection is gone by now."""
        if conn == self._gateway:
            self._about_gateway(follow, batch)
        elif follow.player and conn.startswith(f"{self._gateway}."):
            self._emitter.emit(Lost(), conn=conn, session=follow.session, player=follow.player)

    # What a process asks to be done for a connection.

    def _follow_identity(self, connection: Connection, follow: SessionUpdate) -> None:
        if follow.player and not follow.rejoined:
            connection.enter_session(follow.session, follow.player, follow.seq)

    def _follow(self, connection: Connection, follow: SessionUpdate) -> None:
        if follow.close:
            leaving = connection.protocol.state is State.LEAVING  # the reply to the logout itself may have been lost
            self._writer.close(connection, "logged_out" if leaving else follow.close)
            return
        self._relocate(connection, follow)
        if follow.rejoined:
            self._completion.rejoined(connection)
        if follow.watch:
            connection.subscribe()
        changes = [self._interest.watch(connection, slot, topics) for slot, topics in follow.watch.items()]
        bound = self._bind([key for bind, _ in changes for key in bind])
        self._unbind([key for _, unbind in changes for key in unbind])
        if follow.then:
            bound.addCallback(lambda _: self.then(connection, follow.then))

    def _relocate(self, connection: Connection, follow: SessionUpdate) -> None:
        """Note where the player is now, and tell its client where others from there are served."""
        is_new = follow.shard_key not in ("", connection.shard_key)
        connection.relocate(follow.shard_key, follow.own_cell)
        codec = connection.protocol.codec
        form = codec.address_form if codec is not None else ""
        if is_new and (address := self._directory.address_for(follow.shard_key, form)):
            self._writer.send(connection, Elsewhere(address=address))

    def then(self, connection: Connection, event: str) -> None:
        """Emit an event on behalf of a connection's player, if it is still playing."""
        known = catalogue.events().get(event)  # a process of another version may ask for what came later
        if known is not None and connection.playing and not connection.gone:
            self._emitter.emit_for(connection, known())

    # To all who watch.

    def _multicast(self, same: Sequence[Multicast], due_s: float) -> None:
        """Packets for the same many."""
        id_ = same[0].id
        if id_ and not self._told.add(id_, self._clock.seconds()):
            return
        audience = self._interest.audience(same[0].to, same[0].unless)
        if len(audience) > CROWDED:
            self._broadcast_in_crowd(audience, same, due_s)
        else:
            self._broadcast(audience, same, due_s)

    def _broadcast_in_crowd(self, audience: list[Connection], same: Sequence[Multicast], due_s: float) -> None:
        """All hear at once what matters by itself; of what has a conflation key, those who are there."""
        to, unless = same[0].to, same[0].unless
        conflated = [multicast for multicast in same if multicast.conflation_key]
        self._broadcast(audience, [multicast for multicast in same if not multicast.conflation_key], due_s)
        self._broadcast([connection for connection in audience if connection.own_cell in to], conflated, due_s)
        if conflated:
            self._conflator.add((to, unless), len(audience), conflated)

    def _broadcast_far(self, audience: Audience, conflated: Sequence[Multicast]) -> None:
        to, unless = audience
        watching = self._interest.audience(to, unless)
        far = [connection for connection in watching if connection.own_cell not in to]
        self._broadcast(far, conflated, self._clock.seconds())

    def _broadcast(self, audience: list[Connection], same: Sequence[Multicast], due_s: float) -> None:
        if same:
            self._meters.fan_out.add(len(audience), len(same))
            self._writer.broadcast(audience, [multicast.packet for multicast in same], due_s)

    def refresh_view(self, connection: Connection) -> None:
        """Show a connection the present, if the game has an event for that."""
        refresh = catalogue.view_refresh()
        if refresh is not None:
            self.then(connection, refresh.spec.name)

    # Which keys the gateway's queue is bound to.

    def forget(self, connection: Connection) -> None:
        """Watch nothing any more for a connection that is gone."""
        self._unbind(self._interest.forget(connection))

    def bind_all(self) -> None:
        """Hear everything that anyone watches: the broker is there (again)."""
        self._bind(self._interest.keys)

    def _bind(self, keys: Sequence[str]) -> defer.Deferred[Any]:
        """Bind keys; a failure needs no care, because all are bound again when the broker is back."""
        return defer.DeferredList([self.broker.bind(key) for key in keys], consumeErrors=True)

    def _unbind(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.broker.unbind(key).addErrback(lambda failure: None)


def by_audience(multicasts: Sequence[Multicast]) -> list[list[Multicast]]:
    """Those that go to the same clients together, which costs as much as one of them. What has an id stays alone."""
    groups: dict[object, list[Multicast]] = {}
    for multicast in multicasts:
        groups.setdefault(object() if multicast.id else (multicast.to, multicast.unless), []).append(multicast)
    return list(groups.values())
