"""The middle of the gateway: from sessions into the queue, and from the queue to sessions.

It knows which event belongs to which lane and who watches what, and nothing of what any of it means: it obeys the
``Follow`` that comes with a reply. What it publishes, and when, is decided by lanes and batches.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace
from twisted.internet import defer
from twisted.python.failure import Failure

from gameserver.events import catalogue
from gameserver.events.base import Event
from gameserver.events.envelope import Direct, Dispatch, Envelope, Follow, Outbound
from gameserver.events.message import task_message
from gameserver.events.sessions import Heartbeat, Login, Lost, Rejoin
from gameserver.limits import Limits
from gameserver.secrecy import Sealer, token_hash
from gameserver.topology import queue_of
from gameserver.wire.codecs import Codec
from gameserver.wire.packets import Error, FromServer, Unavailable, Welcome
from gameserver.wire.server import ServerConnection
from gameserver.wire.states import State
from gateway.batches import Batcher
from gateway.broker import Broker, Busy, Unroutable
from gateway.flush import Flusher
from gateway.health import Health, given_up_after_s
from gateway.interest import Interest
from gateway.memory import Memory
from gateway.session import Session, Transport

log = logging.getLogger(__name__)

TOLD_KEPT = 20_000
TOLD_AGE_S = 300.0
MAILED_AGE_S = 10.0  # a client that did not acknowledge by then is told again
AGAIN_S = 1.0

CLOSING = {
    "logged_out": "Goodbye.",
    "taken_over": "This player is being played from elsewhere now.",
    "going_away": "This gateway is going away: resume on another.",
    "login_timeout": "Nobody logged in here.",
    "idle_timeout": "Nothing was heard for too long.",
}


class Hub:
    """All sessions of a gateway.

    ``wall_ms``: milliseconds since 1970; ``mint`` makes secrets of so many bytes, as text.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        gateway: str,
        limits: Limits,
        own_queues: frozenset[str],
        sealer: Sealer,
        wall_ms: Callable[[], int],
        mint: Callable[[int], str],
    ) -> None:
        self._reactor = reactor
        self._gateway = gateway
        self._limits = limits
        self._own_queues = own_queues
        self._sealer = sealer
        self._wall_ms = wall_ms
        self._mint = mint
        self._sessions: dict[str, Session] = {}
        self._interest: Interest[Session] = Interest()
        self._mailed = Memory(TOLD_KEPT, MAILED_AGE_S)
        self._told = Memory(TOLD_KEPT, TOLD_AGE_S)
        self._health = Health(limits.unavailable_after_s)
        self._flusher = Flusher(reactor, limits.flush_window_ms / 1000)
        self._batchers = {name: self._batcher(cls) for name, cls in catalogue.events().items()}
        self._accepted = 0  # accepted and not answered, in all sessions
        self._born = 0
        self._unconfirmed = 0  # batches published and not confirmed
        self._retained: list[Envelope] = []  # the gateway's own events that wait for the broker
        self._was_up = False
        self._greeting = self._make_greeting()
        self.broker: Broker

    @property
    def sessions(self) -> Sequence[Session]:
        """All connections."""
        return list(self._sessions.values())

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return self._accepted

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

    def _batcher(self, cls: type[Event]) -> Batcher:
        most = min(self._limits.batch_events_max, max(cls.spec.batch_max, 1))
        return Batcher(
            self._reactor,
            self._publish,
            most=most,
            flight_max=self._limits.batches_flight_max,
            flight_s_max=self._limits.batch_flight_ms_max / 1000,
        )

    # Sessions.

    def begin(self, transport: Transport) -> Session:
        """A client connected."""
        session = Session(
            conn=f"{self._gateway}.{self._mint(9)}",
            token=self._mint(32),
            wire=ServerConnection(self._limits, self._greeting),
            transport=transport,
            limits=self._limits,
            now_s=self._reactor.seconds(),
        )
        self._sessions[session.conn] = session
        return session

    def received(self, session: Session, data: bytes) -> None:
        """A client sent bytes. Who was told goodbye is not listened to any more."""
        if session.wire.closed:
            return
        session.heard_s = self._reactor.seconds()
        for event in session.wire.receive(data, session.heard_s):
            self._accept(session, event)
        self._answer(session)

    def _answer(self, session: Session) -> None:
        """Pass on what the protocol itself has to say."""
        session.put(session.wire.data_to_send())
        self._flusher.soon(session)
        if session.wire.closed:
            session.closing_since_s = session.closing_since_s or self._reactor.seconds()
            session.close()

    def ended(self, session: Session) -> None:
        """A client's connection is gone."""
        session.gone = True
        self._sessions.pop(session.conn, None)
        self._flusher.forget(session)
        self._accepted -= session.unanswered
        self._unbind(self._interest.forget(session))
        if session.player:
            self._send(self._own(Lost(), session))

    def close(self, session: Session, code: str) -> None:
        """Say goodbye, and close."""
        session.wire.close(code, CLOSING.get(code, code))
        self._answer(session)

    def dismiss(self, session: Session) -> None:
        """Say that this gateway is going away, and accept nothing more; what is under way is still answered."""
        session.wire.close("going_away", CLOSING["going_away"])
        session.put(session.wire.data_to_send())
        session.flush()

    def reads_again(self, session: Session) -> None:
        """A slow client has read what was written: show it the present instead of what it missed."""
        session.resume()
        if session.spared and session.playing:
            session.spared = False
            self._then(session, "look")

    def sweep(self) -> None:
        """Close connections that nobody logged in on, or from which nothing was heard."""
        now_s = self._reactor.seconds()
        for session in self.sessions:
            if session.wire.closed:
                self._end_overdue(session, now_s)
            elif not session.playing and now_s - session.began_s > self._limits.login_s_max:
                self.close(session, "login_timeout")
            elif now_s - session.heard_s > self._limits.idle_s_max:
                self.close(session, "idle_timeout")
            else:
                self._look_after(session, now_s)
        fallen, back = self._health.sweep(now_s)
        for family in fallen:
            self._fall(family)
        for family in back:
            self._tell_all(Unavailable(family=family, back=True))

    def _end_overdue(self, session: Session, now_s: float) -> None:
        """Who was told goodbye and does not even read that is not waited for."""
        session.closing_since_s = session.closing_since_s or now_s
        if now_s - session.closing_since_s > self._limits.closing_s_max:
            session.abort()

    def _look_after(self, session: Session, now_s: float) -> None:
        """Answer transient events that nobody will answer any more; ask again for a reply that must have been lost."""
        for name, lane in session.lanes.items():
            for envelope in lane.in_flight:
                spec = envelope.event.spec
                age_s = self._wall_ms() / 1000 - envelope.at_ms / 1000
                if (
                    spec.stale_after_s
                    and age_s > given_up_after_s(spec)
                    and self._answered(session, name, envelope.event.seq)
                ):
                    self._refuse(session, envelope.event, "unavailable", f"Nobody serves {spec.family} at the moment.")
            if lane.in_flight and now_s - lane.flight_since_s > self._limits.ask_again_after_s:
                lane.flight_since_s = now_s
                self._send(lane.in_flight)

    def _fall(self, family: str) -> None:
        """A family has no live worker: what was published waits, what was not is refused."""
        log.warning("nobody serves %s", family)
        self._tell_all(Unavailable(family=family))
        for session in self.sessions:
            for lane in session.lanes.values():
                for envelope in lane.withdraw(family):
                    self._accepted -= 1
                    self._refuse(session, envelope.event, "unavailable", f"Nobody serves {family} at the moment.")

    def _tell_all(self, packet: FromServer) -> None:
        for session in self.sessions:
            if session.playing:
                session.tell(packet)
                self._flusher.soon(session)

    # Into the queue.

    def _accept(self, session: Session, event: Event) -> None:
        lane = session.lane(event.spec.lane)
        if self._health.is_down(event.spec.family):
            self._refuse(session, event, "unavailable", f"Nobody serves {event.spec.family} at the moment.")
            return
        full = self._accepted >= self._limits.gateway_waiting_max
        if full or not lane.accept(self._envelope(session, event)):
            self._refuse(session, event, "busy", "Too many events wait. Try again in a moment.")
            return
        self._accepted += 1
        self._send(lane.next(self._reactor.seconds()))

    def _refuse(self, session: Session, event: Event, code: str, message: str) -> None:
        session.tell(Error(code=code, message=message, re=event.seq))
        if event.spec.lane == Login.spec.lane:
            session.wire.refused()
        self._flusher.soon(session)

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
        )

    def _own(self, event: Event, session: Session | None = None) -> list[Envelope]:
        """An event of the gateway's own, on behalf of a session or of itself."""
        self._born += 1
        return [
            Envelope(
                id=f"{session.conn if session else self._gateway}:{event.spec.name}{self._born}",
                event=event,
                at_ms=self._wall_ms(),
                conn=session.conn if session else "",
                session=session.session if session else "",
                player=session.player if session else "",
                gateway=self._gateway,
            )
        ]

    def heartbeat(self) -> None:
        """Tell the data tier that this gateway lives."""
        if self.broker.up:
            self._send(self._own(Heartbeat(sessions=len(self._sessions))))

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        if not envelopes:
            return
        if self.broker.up:
            self._batchers[envelopes[0].event.spec.name].add(envelopes)
        else:
            self._keep(envelopes)

    def _keep(self, envelopes: Sequence[Envelope]) -> None:
        """Until the broker is back: clients' events stand in their lanes, only the gateway's own must be kept here."""
        own = [e for e in envelopes if e.event.spec.origin == "gateway" and isinstance(e.event, Lost)]
        self._retained += own

    @property
    def all_published(self) -> bool:
        """Whether nothing waits to be published or confirmed."""
        return not self._unconfirmed and not any(batcher.pending for batcher in self._batchers.values())

    def _publish(self, batch: Sequence[Envelope]) -> str:
        message = task_message(batch, self._gateway)
        queue = queue_of(batch[0].event.spec, self._own_queues)
        self._unconfirmed += 1
        self._health.published(batch[0].event.spec, message.task_id, self._reactor.seconds())
        published = self.broker.publish(message, queue)
        published.addErrback(self._not_published, batch, message.task_id).addBoth(self._settled)
        return message.task_id

    def _settled(self, _: None) -> None:
        self._unconfirmed -= 1

    def _not_published(self, failure: Failure, batch: Sequence[Envelope], task_id: str) -> None:
        self._health.not_published(batch[0].event.spec.family, task_id)
        self._batchers[batch[0].event.spec.name].done(task_id)
        if failure.check(Busy, Unroutable) and isinstance(batch[0].event, Lost):
            self._reactor.callLater(AGAIN_S, self._send, batch)  # nobody else would ever say it
        elif failure.check(Busy):
            self._refuse_all(batch, "busy", "The queue is full. Try again in a moment.")
        elif failure.check(Unroutable):
            self._refuse_all(batch, "unavailable", "Nobody serves this at the moment.")
        else:
            self._keep(batch)
            self._reactor.callLater(AGAIN_S, self._publish_uncertain, batch)

    def _publish_uncertain(self, batch: Sequence[Envelope]) -> None:
        """Nobody knows whether these were published: publish again what is still unanswered.

        When the broker went away and came back meanwhile that was done already, and doing it twice does no harm.
        """
        for conn, lane_name in dict.fromkeys((e.conn, e.event.spec.lane) for e in batch):
            session = self._sessions.get(conn)
            lane = session.lanes.get(lane_name) if session else None
            if lane is not None and self.broker.up:
                self._send(lane.in_flight)
        if self.broker.up:
            retained, self._retained = self._retained, []
            for envelope in retained:
                self._send([envelope])

    def _refuse_all(self, batch: Sequence[Envelope], code: str, message: str) -> None:
        for envelope in batch:
            session = self._sessions.get(envelope.conn)
            if session is not None and self._answered(session, envelope.event.spec.lane, envelope.event.seq):
                self._refuse(session, envelope.event, code, message)

    def _answered(self, session: Session, lane_name: str, seq: int) -> bool:
        """An event was answered: its lane goes on. False when it had been answered before."""
        lane = session.lanes.get(lane_name)
        if lane is None or not lane.answered(seq):
            return False
        self._accepted -= 1
        self._send(lane.next(self._reactor.seconds()))
        return True

    # The broker comes and goes.

    def broker_up(self) -> None:
        """The broker is there (again): what is unanswered is published again, and everyone looks around anew."""
        self.heartbeat()
        retained, self._retained = self._retained, []
        for envelope in retained:
            self._send([envelope])
        self._bind(self._interest.keys)
        for session in self.sessions:
            self._publish_again(session)
            if self._was_up and session.playing:
                self._send(self._own(Rejoin(), session))
        self._was_up = True

    def _publish_again(self, session: Session) -> None:
        for lane in session.lanes.values():
            self._send(lane.in_flight or lane.next(self._reactor.seconds()))

    def broker_down(self) -> None:
        """The broker is away."""
        self._health.forget()
        for batcher in self._batchers.values():
            self._keep(batcher.drop())

    # From the queue.

    def outbound(self, outbound: Outbound) -> None:
        """A process has something to tell."""
        if outbound.done in self._batchers:
            self._done(outbound.done, outbound.task)
        for direct in outbound.directs:
            session = self._sessions.get(direct.conn)
            if session is not None:
                self._direct(session, direct)
            elif direct.follow is not None and direct.follow.player and direct.conn.startswith(f"{self._gateway}."):
                self._let_in_too_late(direct.conn, direct.follow)
        for dispatch in outbound.dispatches:
            self._dispatch(dispatch)

    def _done(self, event: str, task_id: str) -> None:
        """A process is done with a batch."""
        self._batchers[event].done(task_id)
        family = catalogue.events()[event].spec.family
        if self._health.done(family, task_id, self._reactor.seconds()):
            log.info("%s is served again", family)
            self._tell_all(Unavailable(family=family, back=True))

    def _direct(self, session: Session, direct: Direct) -> None:
        if direct.re and not self._answered(session, direct.lane, direct.re):
            return
        if direct.id and not self._mailed.add((session.conn, direct.id), self._reactor.seconds()):
            return
        if direct.follow is not None:
            self._follow_identity(session, direct.follow)
        elif direct.re and direct.lane == Login.spec.lane:
            session.wire.refused()
        session.put(session.wire.data_to_send())
        if direct.packet and session.wire.codec is not None:
            session.put(session.wire.codec.frame(direct.packet))
        self._flusher.soon(session)
        if direct.follow is not None:
            self._follow(session, direct.follow)

    def _let_in_too_late(self, conn: str, follow: Follow) -> None:
        """Someone was let in whose connection is gone by now."""
        (lost,) = self._own(Lost())
        self._send([replace(lost, conn=conn, session=follow.session, player=follow.player)])

    def _follow_identity(self, session: Session, follow: Follow) -> None:
        if follow.player:
            session.session, session.player = follow.session, follow.player
            resumed = follow.session != session.conn
            session.wire.entered(follow.session, session.token, resumed=resumed, seq=follow.seq)

    def _follow(self, session: Session, follow: Follow) -> None:
        if follow.close:
            self.close(session, follow.close)
            return
        changes = [self._interest.watch(session, slot, topics) for slot, topics in follow.watch.items()]
        bound = self._bind([key for bind, _ in changes for key in bind])
        self._unbind([key for _, unbind in changes for key in unbind])
        if follow.then:
            bound.addCallback(lambda _: self._then(session, follow.then))

    def _bind(self, keys: Sequence[str]) -> defer.Deferred[Any]:
        """Bind keys; a failure needs no care, because all are bound again when the broker is back."""
        return defer.DeferredList([self.broker.bind(key) for key in keys], consumeErrors=True)

    def _unbind(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.broker.unbind(key).addErrback(lambda failure: None)

    def _then(self, session: Session, event: str) -> None:
        if session.playing and not session.gone:
            self._send(self._own(catalogue.events()[event](), session))

    def _dispatch(self, dispatch: Dispatch) -> None:
        """One packet to many: framed once per codec, the same bytes for all."""
        if dispatch.id and not self._told.add(dispatch.id, self._reactor.seconds()):
            return
        framed: dict[Codec, bytes] = {}
        for session in self._interest.audience(dispatch.to, dispatch.unless):
            codec = session.wire.codec
            if codec is None or session.wire.closed:
                continue
            if codec not in framed:
                framed[codec] = codec.frame(dispatch.packet)
            session.put_if_room(framed[codec])
            self._flusher.soon(session)
