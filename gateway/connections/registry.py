"""All sessions of a gateway, and how anything is said to one of them.

What is said is gathered in the session and goes out with the next round of replies, of views or of whereabouts. Who
was told goodbye is given time to read it and to hang up; only then does the gateway.
"""

from collections.abc import Iterable, Sequence

from gameserver.limits import Limits
from gameserver.wire.packets import FromServer
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.egress.flusher import Flusher

LINGER_S = 2.0  # how long a client may take to hang up after it was told goodbye

CLOSING = {
    "logged_out": "Goodbye.",
    "taken_over": "This player is being played from elsewhere now.",
    "going_away": "This gateway is going away: resume on another.",
    "login_timeout": "Nobody logged in here.",
    "idle_timeout": "Nothing was heard for too long.",
    "too_many_unanswered": "More events were sent again than can have been left unanswered. Resume.",
}


class ConnectionRegistry:
    """The sessions of a gateway by the ids of their connections."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._connections: dict[str, Connection] = {}
        self._replies = Flusher(clock, limits.reply_flush_ms_max / 1000)
        self._views = Flusher(clock, limits.broadcast_flush_ms_max / 1000, waits_for=self._replies)
        self._whereabouts = Flusher(clock, limits.position_flush_ms_max / 1000, waits_for=self._replies)

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def all(self) -> Sequence[Connection]:
        """Every connection, as a list of its own: sessions come and go while one looks at them."""
        return list(self._connections.values())

    def get(self, conn: str) -> Connection | None:
        """The session of a connection."""
        return self._connections.get(conn)

    def add(self, connection: Connection) -> None:
        """Someone connected."""
        self._connections[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Someone's connection is gone."""
        connection.gone = True
        self._connections.pop(connection.id, None)

    def schedule_reply_flush(self, connection: Connection) -> None:
        """Something that matters to it was put into the session: it goes out with the next round of replies."""
        self._replies.soon(connection)

    def flush_replies_now(self) -> None:
        """Replies to a batch were put into sessions: they need not wait until what others do was, too."""
        self._replies.at_once()

    def schedule_broadcast_flush(self, connections: Iterable[Connection], *, latest: bool = False) -> None:
        """What others do was put into these: it goes out with the next round, or with a reply before that.

        ``latest``: it is only where they are, which the next step makes old: it can wait longer than what they do.
        """
        (self._whereabouts if latest else self._views).soon_all(connections)

    def tell(self, connection: Connection, packet: FromServer) -> None:
        """One of the gateway's own packets for one."""
        connection.tell(packet)
        self._replies.soon(connection)

    def tell_players(self, packet: FromServer) -> None:
        """One of the gateway's own packets for all who play."""
        for connection in self.all:
            if connection.playing:
                self.tell(connection, packet)

    def send_protocol_output(self, connection: Connection) -> None:
        """Pass on what the protocol itself has to say."""
        data = connection.protocol.data_to_send()
        if data:
            connection.put(data)
            self._replies.soon(connection)
        if connection.protocol.closed:
            connection.broadcast_codec = None
            connection.closing_since_s = connection.closing_since_s or self._clock.seconds()
            connection.close()

    def close(self, connection: Connection, code: str) -> None:
        """Say goodbye, and close."""
        connection.protocol.close(code, CLOSING.get(code, code))
        self.send_protocol_output(connection)

    def dismiss(self, connection: Connection) -> None:
        """Say that this gateway is going away, and accept nothing more; what is under way is still answered."""
        connection.protocol.close("going_away", CLOSING["going_away"])
        connection.broadcast_codec = None
        connection.put(connection.protocol.data_to_send())
        connection.flush()

    def end_overdue(self, connection: Connection, now_s: float) -> None:
        """Who does not hang up after a goodbye is hung up on; who does not even read it is cut off."""
        connection.closing_since_s = connection.closing_since_s or now_s
        waited_s = now_s - connection.closing_since_s
        if waited_s > self._limits.close_timeout_s:
            connection.abort()
        elif waited_s > LINGER_S:
            connection.hang_up()
