"""All sessions of a gateway, and how anything is said to one of them.

What is said is gathered in the session and goes out with the next round of replies, of views or of whereabouts. Who
was told goodbye is given time to read it and to hang up; only then does the gateway.
"""

from collections.abc import Iterable, Sequence

from gameserver.limits import Limits
from gameserver.wire.packets import FromServer
from gateway.connections.connection import Session
from gateway.egress.flusher import Flusher
from gateway.ingress.batcher import Clock

LINGER_S = 2.0  # how long a client may take to hang up after it was told goodbye

CLOSING = {
    "logged_out": "Goodbye.",
    "taken_over": "This player is being played from elsewhere now.",
    "going_away": "This gateway is going away: resume on another.",
    "login_timeout": "Nobody logged in here.",
    "idle_timeout": "Nothing was heard for too long.",
    "too_many_unanswered": "More events were sent again than can have been left unanswered. Resume.",
}


class Crowd:
    """The sessions of a gateway by the ids of their connections."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._sessions: dict[str, Session] = {}
        self._replies = Flusher(clock, limits.reply_flush_ms_max / 1000)
        self._views = Flusher(clock, limits.broadcast_flush_ms_max / 1000, waits_for=self._replies)
        self._whereabouts = Flusher(clock, limits.position_flush_ms_max / 1000, waits_for=self._replies)

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def all(self) -> Sequence[Session]:
        """Every connection, as a list of its own: sessions come and go while one looks at them."""
        return list(self._sessions.values())

    def get(self, conn: str) -> Session | None:
        """The session of a connection."""
        return self._sessions.get(conn)

    def add(self, session: Session) -> None:
        """Someone connected."""
        self._sessions[session.conn] = session

    def remove(self, session: Session) -> None:
        """Someone's connection is gone."""
        session.gone = True
        self._sessions.pop(session.conn, None)

    def written(self, session: Session) -> None:
        """Something that matters to it was put into the session: it goes out with the next round of replies."""
        self._replies.soon(session)

    def answered(self) -> None:
        """Replies to a batch were put into sessions: they need not wait until what others do was, too."""
        self._replies.at_once()

    def written_to(self, sessions: Iterable[Session], *, latest: bool = False) -> None:
        """What others do was put into these: it goes out with the next round, or with a reply before that.

        ``latest``: it is only where they are, which the next step makes old: it can wait longer than what they do.
        """
        (self._whereabouts if latest else self._views).soon_all(sessions)

    def tell(self, session: Session, packet: FromServer) -> None:
        """One of the gateway's own packets for one."""
        session.tell(packet)
        self._replies.soon(session)

    def tell_players(self, packet: FromServer) -> None:
        """One of the gateway's own packets for all who play."""
        for session in self.all:
            if session.playing:
                self.tell(session, packet)

    def answer(self, session: Session) -> None:
        """Pass on what the protocol itself has to say."""
        data = session.wire.data_to_send()
        if data:
            session.put(data)
            self._replies.soon(session)
        if session.wire.closed:
            session.listens = None
            session.closing_since_s = session.closing_since_s or self._clock.seconds()
            session.close()

    def close(self, session: Session, code: str) -> None:
        """Say goodbye, and close."""
        session.wire.close(code, CLOSING.get(code, code))
        self.answer(session)

    def dismiss(self, session: Session) -> None:
        """Say that this gateway is going away, and accept nothing more; what is under way is still answered."""
        session.wire.close("going_away", CLOSING["going_away"])
        session.listens = None
        session.put(session.wire.data_to_send())
        session.flush()

    def end_overdue(self, session: Session, now_s: float) -> None:
        """Who does not hang up after a goodbye is hung up on; who does not even read it is cut off."""
        session.closing_since_s = session.closing_since_s or now_s
        waited_s = now_s - session.closing_since_s
        if waited_s > self._limits.close_timeout_s:
            session.abort()
        elif waited_s > LINGER_S:
            session.hang_up()
