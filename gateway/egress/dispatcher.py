"""From the queue to sessions.

A process says what is to be told: packets for one connection, which may carry what the gateway has to do for it
(``SessionUpdate``), and packets for all who watch a topic. Those of one message for the same topics are framed
together, once per codec, the same bytes for all. A crowd hears less often of those farther away.
"""

import logging
from collections.abc import Sequence
from typing import Any

from twisted.internet import defer

from gameserver.declare import catalogue
from gameserver.messages.outbound import BatchResult, Listed, Multicast, SessionUpdate, Unicast
from gameserver.modules.sessions.events import Heartbeat, Login, Lost
from gameserver.wire.codecs import Codec
from gameserver.wire.packets import Unavailable
from gameserver.wire.states import State
from gateway.amqp.broker import Broker
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.registry import ConnectionRegistry
from gateway.egress.conflation import CROWDED, Audience, Conflator
from gateway.egress.interest import Interest
from gateway.egress.recent_ids import RecentIds
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.in_flight import Batch, InFlightRegistry
from gateway.ingress.ingress import Ingress
from gateway.ingress.roll_call import RollCall
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)

TOLD_KEPT = 20_000
TOLD_AGE_S = 300.0
MAILED_AGE_S = 10.0  # a client that did not acknowledge by then is told again


class Dispatcher:
    """What a gateway tells its clients, and which topics they watch."""

    broker: Broker

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        registry: ConnectionRegistry,
        ingress: Ingress,
        availability: FamilyAvailability,
        in_flight: InFlightRegistry,
        meters: Meters,
        far_position_s_max: float,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._registry = registry
        self._ingress = ingress
        self._availability = availability
        self._in_flight = in_flight
        self._meters = meters
        self._interest: Interest[Connection] = Interest()
        self.roll_call = RollCall(first=gateway)
        self._mailed = RecentIds(TOLD_KEPT, MAILED_AGE_S)
        self._told = RecentIds(TOLD_KEPT, TOLD_AGE_S)
        self._conflator = Conflator(clock, self._tell_far, far_position_s_max)

    def outbound(self, outbound: BatchResult) -> None:
        """A process has something to tell."""
        batch = self._in_flight.remove(outbound.task)
        self._meters.batch_finished(outbound, batch)
        if batch is not None and outbound.done == Heartbeat.spec.name:
            self._ingress.is_alive(batch.published_s)
        if outbound.done in catalogue.events():
            self._done(outbound)
        for unicast in outbound.unicasts:
            if unicast.conn == self._gateway and unicast.follow is not None:
                self._call_roll(unicast.follow, _asked_after(batch))
                continue
            connection = self._registry.get(unicast.conn)
            if connection is not None:
                self._direct(connection, unicast)
            elif unicast.follow is not None and unicast.follow.player and unicast.conn.startswith(f"{self._gateway}."):
                self._let_in_too_late(unicast.conn, unicast.follow)
        self._registry.flush_replies_now()
        for same in by_audience(outbound.multicasts):
            self._dispatch(same)

    def _done(self, outbound: BatchResult) -> None:
        """A process is done with a batch."""
        self._ingress.done(outbound.done, outbound.task, outbound.took_ms / 1000)
        family = catalogue.events()[outbound.done].spec.family
        if self._availability.heard(family, self._clock.seconds()):
            log.info("%s is served again", family)
            self._registry.tell_players(Unavailable(family=family, back=True))

    def _direct(self, connection: Connection, unicast: Unicast) -> None:
        if unicast.not_now:
            self._put_off(connection)
            return
        if unicast.re:
            envelope = self._ingress.complete(connection, unicast.lane, unicast.re)
            if envelope is None:
                return
            self._meters.answered(envelope, "refused" if unicast.refused else "ok")
        if unicast.id and not self._mailed.add((connection.id, unicast.id), self._clock.seconds()):
            return
        if unicast.follow is not None:
            self._follow_identity(connection, unicast.follow)
        elif unicast.re and unicast.lane == Login.spec.lane:
            connection.protocol.refused()
        connection.put(connection.protocol.data_to_send())
        if unicast.packet and connection.protocol.codec is not None:
            connection.put(connection.protocol.codec.frame(unicast.packet))
        self._registry.schedule_reply_flush(connection)
        if unicast.follow is not None:
            self._follow(connection, unicast.follow)

    def _put_off(self, connection: Connection) -> None:
        """Its player was not in the world: the event waits, and what follows in its lane, until the player is.

        Nothing is said of it. A connection that was told goodbye waits no more: its client sends the event again.
        """
        if connection.playing:
            self._ingress.rejoin(connection)

    def _let_in_too_late(self, conn: str, follow: SessionUpdate) -> None:
        """Someone was let in whose connection is gone by now."""
        self._ingress.emit(Lost(), conn=conn, session=follow.session, player=follow.player)

    def _call_roll(self, follow: SessionUpdate, asked_after: str) -> None:
        """The data tier says whom it takes to play through this gateway; a late answer's roll says nothing new."""
        self.roll_call.counted(follow.held, [connection.id for connection in self._registry.all if connection.player])
        if follow.roll is not None and asked_after == self.roll_call.after:
            self.roll_call.called(follow.roll)
            self._report_gone(follow.roll)
        self._let_return(self.roll_call.returning())

    def _report_gone(self, roll: Sequence[Listed]) -> None:
        gone = [listed for listed in roll if self._registry.get(listed.conn) is None]
        if gone:
            log.warning("%d players are in the world without a connection, and leave it", len(gone))
        for listed in gone:
            self._ingress.emit(Lost(), conn=listed.conn, session=listed.session, player=listed.player)

    def _let_return(self, conns: Sequence[str]) -> None:
        absent = [
            connection for conn in conns if (connection := self._registry.get(conn)) is not None and connection.playing
        ]
        if absent:
            log.warning("%d players play without being in the world, and return to it", len(absent))
        for connection in absent:
            self._ingress.rejoin(connection)

    def _dispatch(self, same: Sequence[Multicast]) -> None:
        """Packets for the same many."""
        id_ = same[0].id
        if id_ and not self._told.add(id_, self._clock.seconds()):
            return
        audience = self._interest.audience(same[0].to, same[0].unless)
        if len(audience) > CROWDED:
            self._tell_crowd(audience, same)
        else:
            self._tell(audience, same)

    def _tell_crowd(self, audience: list[Connection], same: Sequence[Multicast]) -> None:
        """All hear at once what matters by itself; of what matters only in its latest form, those who are there."""
        to, unless = same[0].to, same[0].unless
        latest = [multicast for multicast in same if multicast.latest]
        self._tell(audience, [multicast for multicast in same if not multicast.latest])
        self._tell([connection for connection in audience if connection.own_cell in to], latest)
        if latest:
            self._conflator.add((to, unless), len(audience), latest)

    def _tell_far(self, audience: Audience, latest: Sequence[Multicast]) -> None:
        to, unless = audience
        self._tell(
            [connection for connection in self._interest.audience(to, unless) if connection.own_cell not in to], latest
        )

    def _tell(self, audience: list[Connection], same: Sequence[Multicast]) -> None:
        """Packets framed once for each codec."""
        if not same:
            return
        framed: dict[Codec, bytes] = {}
        spoken, data = None, b""  # the codec of the one before, and what it heard
        self._meters.fan_out.add(len(audience), len(same))
        for connection in audience:
            codec = connection.broadcast_codec
            if codec is None:
                continue
            if codec is not spoken:
                if codec not in framed:
                    framed[codec] = b"".join([codec.frame(multicast.packet) for multicast in same])
                spoken, data = codec, framed[codec]
            if connection.paused:
                connection.put_if_room(data)
            else:
                connection.out.append(data)
        self._registry.schedule_broadcast_flush(audience, latest=all(multicast.latest for multicast in same))

    # What a process asks to be done for a connection.

    def _follow_identity(self, connection: Connection, follow: SessionUpdate) -> None:
        if follow.player and not follow.rejoined:
            connection.session_id, connection.player = follow.session, follow.player
            resumed = follow.session != connection.id
            connection.protocol.entered(follow.session, connection.token, resumed=resumed, seq=follow.seq)

    def _follow(self, connection: Connection, follow: SessionUpdate) -> None:
        if follow.close:
            leaving = connection.protocol.state is State.LEAVING  # the reply to the logout itself may have been lost
            self._registry.close(connection, "logged_out" if leaving else follow.close)
            return
        connection.shard_key = follow.shard_key or connection.shard_key
        connection.own_cell = follow.own_cell or connection.own_cell
        if follow.rejoined:
            self._ingress.is_back(connection)
        if follow.watch:
            connection.listen()
        changes = [self._interest.watch(connection, slot, topics) for slot, topics in follow.watch.items()]
        bound = self._bind([key for bind, _ in changes for key in bind])
        self._unbind([key for _, unbind in changes for key in unbind])
        if follow.then:
            bound.addCallback(lambda _: self.then(connection, follow.then))

    def then(self, connection: Connection, event: str) -> None:
        """Say an event on behalf of a session, if it is still playing."""
        known = catalogue.events().get(event)  # a process of another version may ask for what came later
        if known is not None and connection.playing and not connection.gone:
            self._ingress.emit_for(connection, known())

    def refresh_view(self, connection: Connection) -> None:
        """Show a session the present, if the game has an event for that."""
        refresh = catalogue.view_refresh()
        if refresh is not None:
            self.then(connection, refresh.spec.name)

    # Which keys the gateway's queue is bound to.

    def forget(self, connection: Connection) -> None:
        """A session is gone, and watches nothing any more."""
        self._unbind(self._interest.forget(connection))

    def bind_all(self) -> None:
        """The broker is there (again): hear everything that anyone watches."""
        self._bind(self._interest.keys)

    def _bind(self, keys: Sequence[str]) -> defer.Deferred[Any]:
        """Bind keys; a failure needs no care, because all are bound again when the broker is back."""
        return defer.DeferredList([self.broker.bind(key) for key in keys], consumeErrors=True)

    def _unbind(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.broker.unbind(key).addErrback(lambda failure: None)


def _asked_after(batch: Batch | None) -> str:
    """Return which portion of the roll the heartbeats of a batch asked for, "" for none: they get one answer."""
    beats = [envelope.event for envelope in batch.envelopes] if batch is not None else []
    return max((beat.after for beat in beats if isinstance(beat, Heartbeat)), default="")


def by_audience(multicasts: Sequence[Multicast]) -> list[list[Multicast]]:
    """Those that go to the same clients together, which costs as much as one of them. What has an id stays alone."""
    groups: dict[object, list[Multicast]] = {}
    for multicast in multicasts:
        groups.setdefault(object() if multicast.id else (multicast.to, multicast.unless), []).append(multicast)
    return list(groups.values())
