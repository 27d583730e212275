"""Write to connections: everything that a gateway tells its clients is queued and scheduled here.

What is told is gathered in the connection and goes out in one piece: with its batch, or with the next round.
A client that was told goodbye is given time to read it and to hang up; only then does the gateway.
"""

from collections.abc import Iterable, Sequence

from gameserver.limits import Limits
from gameserver.wire.codecs import Codec
from gameserver.wire.packets import FromServer
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.egress.flusher import ReplyFlusher, SightFlusher
from gateway.pace import Pace

LINGER_S = 2.0  # how long a client may take to hang up after it was told goodbye

CLOSING = {
    "logged_out": "Goodbye.",
    "taken_over": "This player is being played from elsewhere now.",
    "going_away": "This gateway is going away: resume on another.",
    "login_timeout": "Nobody logged in here.",
    "idle_timeout": "Nothing was heard for too long.",
    "half_closed": "You closed your side of the connection; what you had sent until then is answered.",
    "too_many_unanswered": "More events were sent again than can have been left unanswered. Resume.",
}


class Writer:
    """Queues what connections are told, and says when it goes out."""

    def __init__(self, clock: Clock, limits: Limits, pace: Pace) -> None:
        self._clock = clock
        self._close_timeout_s = limits.close_timeout_s
        self._replies = ReplyFlusher(clock)
        self._sights = SightFlusher(clock, pace, self._replies)

    # When it goes out.

    def schedule_reply_flush(self, connection: Connection) -> None:
        """Write to a connection with the next round of replies: something that matters to it is queued."""
        self._replies.soon(connection.outgoing)

    def flush_now(self, until_s: float) -> None:
        """Write a batch's replies, and what others do as far as it is due until then."""
        self._replies.at_once()
        self._sights.flush_due(until_s)

    # What is told.

    def send(self, connection: Connection, packet: FromServer) -> None:
        """Tell one client one of the gateway's own packets."""
        connection.send(packet)
        self._replies.soon(connection.outgoing)

    def send_all(self, connections: Iterable[Connection], packet: FromServer) -> None:
        """Tell many clients one of the gateway's own packets."""
        for connection in connections:
            self.send(connection, packet)

    def send_protocol_output(self, connection: Connection) -> None:
        """Pass on what the protocol itself has to say; close the connection if that was a goodbye."""
        if connection.put_protocol_output():
            self._replies.soon(connection.outgoing)
        if connection.protocol.closed:
            connection.begin_closing(self._clock.seconds())

    def broadcast(self, audience: Sequence[Connection], packets: Sequence[bytes], due_s: float) -> None:
        """Tell many clients what others do, until it is due: packets framed once for each codec.

        This is most of what a gateway does: what is queued for a client that reads is appended without a call.
        """
        framed: dict[Codec, bytes] = {}
        spoken, data = None, b""  # the codec of the one before, and what it was told
        waiting = []
        for connection in audience:
            outgoing = connection.outgoing
            codec = outgoing.broadcast_codec
            if codec is None:
                continue
            if codec is not spoken:
                if codec not in framed:
                    framed[codec] = b"".join([codec.frame(packet) for packet in packets])
                spoken, data = codec, framed[codec]
            if outgoing.paused:
                outgoing.put_if_room(data)
            else:
                outgoing.queued.append(data)
            if due_s < outgoing.due_s:
                outgoing.wait_until(due_s)
                waiting.append(outgoing)
        if waiting:
            self._sights.add(waiting, due_s)

    # Goodbyes.

    def close(self, connection: Connection, code: str) -> None:
        """Say goodbye, and close."""
        connection.protocol.close(code, CLOSING.get(code, code))
        self.send_protocol_output(connection)

    def dismiss(self, connection: Connection) -> None:
        """Say that this gateway is going away, and accept nothing more; what is in flight is still answered."""
        connection.protocol.close("going_away", CLOSING["going_away"])
        connection.outgoing.unsubscribe()
        connection.put_protocol_output()
        connection.outgoing.flush()

    def end_overdue(self, connection: Connection, now_s: float) -> None:
        """Hang up on a client that does not do so itself after a goodbye; cut off one that does not even read it."""
        waited_s = connection.closing_for_s(now_s)
        if waited_s > self._close_timeout_s:
            connection.outgoing.abort()
        elif waited_s > LINGER_S:
            connection.outgoing.hang_up()
