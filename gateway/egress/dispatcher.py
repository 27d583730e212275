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
from gateway.connections.connection import Session
from gateway.connections.registry import Crowd
from gateway.egress.conflation import CROWDED, Audience, Digests
from gateway.egress.interest import Interest
from gateway.egress.recent_ids import Memory
from gateway.ingress.availability import Health
from gateway.ingress.batcher import Clock
from gateway.ingress.in_flight import Flight, Flights
from gateway.ingress.ingress import Inward
from gateway.ingress.roll_call import RollCall
from gateway.metrics.meters import Meters

log = logging.getLogger(__name__)

TOLD_KEPT = 20_000
TOLD_AGE_S = 300.0
MAILED_AGE_S = 10.0  # a client that did not acknowledge by then is told again


class Outward:
    """What a gateway tells its clients, and which topics they watch."""

    broker: Broker

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        crowd: Crowd,
        inward: Inward,
        health: Health,
        flights: Flights,
        meters: Meters,
        far_position_s_max: float,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._crowd = crowd
        self._inward = inward
        self._health = health
        self._flights = flights
        self._meters = meters
        self._interest: Interest[Session] = Interest()
        self.roll_call = RollCall(first=gateway)
        self._mailed = Memory(TOLD_KEPT, MAILED_AGE_S)
        self._told = Memory(TOLD_KEPT, TOLD_AGE_S)
        self._digests = Digests(clock, self._tell_far, far_position_s_max)

    def outbound(self, outbound: BatchResult) -> None:
        """A process has something to tell."""
        flight = self._flights.remove(outbound.task)
        self._meters.told(outbound, flight)
        if flight is not None and outbound.done == Heartbeat.spec.name:
            self._inward.is_alive(flight.since_s)
        if outbound.done in catalogue.events():
            self._done(outbound)
        for direct in outbound.unicasts:
            if direct.conn == self._gateway and direct.follow is not None:
                self._call_roll(direct.follow, _asked_after(flight))
                continue
            session = self._crowd.get(direct.conn)
            if session is not None:
                self._direct(session, direct)
            elif direct.follow is not None and direct.follow.player and direct.conn.startswith(f"{self._gateway}."):
                self._let_in_too_late(direct.conn, direct.follow)
        self._crowd.answered()
        for same in by_audience(outbound.multicasts):
            self._dispatch(same)

    def _done(self, outbound: BatchResult) -> None:
        """A process is done with a batch."""
        self._inward.done(outbound.done, outbound.task, outbound.took_ms / 1000)
        family = catalogue.events()[outbound.done].spec.family
        if self._health.heard(family, self._clock.seconds()):
            log.info("%s is served again", family)
            self._crowd.tell_players(Unavailable(family=family, back=True))

    def _direct(self, session: Session, direct: Unicast) -> None:
        if direct.not_now:
            self._put_off(session)
            return
        if direct.re:
            envelope = self._inward.answered(session, direct.lane, direct.re)
            if envelope is None:
                return
            self._meters.answered(envelope, "refused" if direct.refused else "ok")
        if direct.id and not self._mailed.add((session.conn, direct.id), self._clock.seconds()):
            return
        if direct.follow is not None:
            self._follow_identity(session, direct.follow)
        elif direct.re and direct.lane == Login.spec.lane:
            session.wire.refused()
        session.put(session.wire.data_to_send())
        if direct.packet and session.wire.codec is not None:
            session.put(session.wire.codec.frame(direct.packet))
        self._crowd.written(session)
        if direct.follow is not None:
            self._follow(session, direct.follow)

    def _put_off(self, session: Session) -> None:
        """Its player was not in the world: the event waits, and what follows in its lane, until the player is.

        Nothing is said of it. A connection that was told goodbye waits no more: its client sends the event again.
        """
        if session.playing:
            self._inward.rejoin(session)

    def _let_in_too_late(self, conn: str, follow: SessionUpdate) -> None:
        """Someone was let in whose connection is gone by now."""
        self._inward.say(Lost(), conn=conn, session=follow.session, player=follow.player)

    def _call_roll(self, follow: SessionUpdate, asked_after: str) -> None:
        """The data tier says whom it takes to play through this gateway; a late answer's roll says nothing new."""
        self.roll_call.counted(follow.held, [session.conn for session in self._crowd.all if session.player])
        if follow.roll is not None and asked_after == self.roll_call.after:
            self.roll_call.called(follow.roll)
            self._report_gone(follow.roll)
        self._let_return(self.roll_call.returning())

    def _report_gone(self, roll: Sequence[Listed]) -> None:
        gone = [listed for listed in roll if self._crowd.get(listed.conn) is None]
        if gone:
            log.warning("%d players are in the world without a connection, and leave it", len(gone))
        for listed in gone:
            self._inward.say(Lost(), conn=listed.conn, session=listed.session, player=listed.player)

    def _let_return(self, conns: Sequence[str]) -> None:
        absent = [session for conn in conns if (session := self._crowd.get(conn)) is not None and session.playing]
        if absent:
            log.warning("%d players play without being in the world, and return to it", len(absent))
        for session in absent:
            self._inward.rejoin(session)

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

    def _tell_crowd(self, audience: list[Session], same: Sequence[Multicast]) -> None:
        """All hear at once what matters by itself; of what matters only in its latest form, those who are there."""
        to, unless = same[0].to, same[0].unless
        latest = [dispatch for dispatch in same if dispatch.latest]
        self._tell(audience, [dispatch for dispatch in same if not dispatch.latest])
        self._tell([session for session in audience if session.own_cell in to], latest)
        if latest:
            self._digests.add((to, unless), len(audience), latest)

    def _tell_far(self, audience: Audience, latest: Sequence[Multicast]) -> None:
        to, unless = audience
        self._tell([session for session in self._interest.audience(to, unless) if session.own_cell not in to], latest)

    def _tell(self, audience: list[Session], same: Sequence[Multicast]) -> None:
        """Packets framed once for each codec."""
        if not same:
            return
        framed: dict[Codec, bytes] = {}
        spoken, data = None, b""  # the codec of the one before, and what it heard
        self._meters.fan_out.add(len(audience), len(same))
        for session in audience:
            codec = session.listens
            if codec is None:
                continue
            if codec is not spoken:
                if codec not in framed:
                    framed[codec] = b"".join([codec.frame(dispatch.packet) for dispatch in same])
                spoken, data = codec, framed[codec]
            if session.paused:
                session.put_if_room(data)
            else:
                session.out.append(data)
        self._crowd.written_to(audience, latest=all(dispatch.latest for dispatch in same))

    # What a process asks to be done for a connection.

    def _follow_identity(self, session: Session, follow: SessionUpdate) -> None:
        if follow.player and not follow.rejoined:
            session.session, session.player = follow.session, follow.player
            resumed = follow.session != session.conn
            session.wire.entered(follow.session, session.token, resumed=resumed, seq=follow.seq)

    def _follow(self, session: Session, follow: SessionUpdate) -> None:
        if follow.close:
            leaving = session.wire.state is State.LEAVING  # the reply to the logout itself may have been lost
            self._crowd.close(session, "logged_out" if leaving else follow.close)
            return
        session.shard_key = follow.shard_key or session.shard_key
        session.own_cell = follow.own_cell or session.own_cell
        if follow.rejoined:
            self._inward.is_back(session)
        if follow.watch:
            session.listen()
        changes = [self._interest.watch(session, slot, topics) for slot, topics in follow.watch.items()]
        bound = self._bind([key for bind, _ in changes for key in bind])
        self._unbind([key for _, unbind in changes for key in unbind])
        if follow.then:
            bound.addCallback(lambda _: self.then(session, follow.then))

    def then(self, session: Session, event: str) -> None:
        """Say an event on behalf of a session, if it is still playing."""
        known = catalogue.events().get(event)  # a process of another version may ask for what came later
        if known is not None and session.playing and not session.gone:
            self._inward.say_for(session, known())

    # Which keys the gateway's queue is bound to.

    def forget(self, session: Session) -> None:
        """A session is gone, and watches nothing any more."""
        self._unbind(self._interest.forget(session))

    def bind_all(self) -> None:
        """The broker is there (again): hear everything that anyone watches."""
        self._bind(self._interest.keys)

    def _bind(self, keys: Sequence[str]) -> defer.Deferred[Any]:
        """Bind keys; a failure needs no care, because all are bound again when the broker is back."""
        return defer.DeferredList([self.broker.bind(key) for key in keys], consumeErrors=True)

    def _unbind(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.broker.unbind(key).addErrback(lambda failure: None)


def _asked_after(flight: Flight | None) -> str:
    """Which portion of the roll the heartbeats of a batch asked for, "" for none; the house gives them one answer."""
    beats = [envelope.event for envelope in flight.batch] if flight is not None else []
    return max((beat.after for beat in beats if isinstance(beat, Heartbeat)), default="")


def by_audience(multicasts: Sequence[Multicast]) -> list[list[Multicast]]:
    """Those that go to the same clients together, which costs as much as one of them. What has an id stays alone."""
    groups: dict[object, list[Multicast]] = {}
    for dispatch in multicasts:
        groups.setdefault(object() if dispatch.id else (dispatch.to, dispatch.unless), []).append(dispatch)
    return list(groups.values())
