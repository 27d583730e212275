"""One client's connection: its wire, its identity, its lanes, and what waits to be written to it.

Writes are gathered and go out once per flush window. A client that does not read is first spared what others do around
it, later cut off; when it reads again it is shown the present state instead of the past.
"""

from math import inf
from typing import Protocol

from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.wire.codecs import Codec
from gameserver.wire.packets import FromServer
from gameserver.wire.server import ServerConnection
from gameserver.wire.states import State
from gateway.connections.lanes import Lane


class Transport(Protocol):
    """The way to the client's socket; see ``gateway.net.transport``."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...

    def hang_up(self) -> None: ...

    def abort(self) -> None: ...


class Connection:
    """A connection from its first byte to its last. ``token`` is the secret minted for it."""

    __slots__ = (
        "_limits",
        "_out_bytes",
        "_transport",
        "began_s",
        "broadcast_codec",
        "closing_since_s",
        "cut_off",
        "gone",
        "heard_s",
        "id",
        "lanes",
        "missed_broadcasts",
        "out",
        "own_cell",
        "paused",
        "player",
        "protocol",
        "rejoin_emitted_s",
        "returning_since_s",
        "session_id",
        "shard_key",
        "token",
        "written_s",
    )

    def __init__(
        self, *, id_: str, token: str, protocol: ServerConnection, transport: Transport, limits: Limits, now_s: float
    ) -> None:
        self.id = id_
        self.token = token
        self.protocol = protocol
        self.session_id = ""
        self.player = ""
        self.shard_key = ""  # chooses the part of a split queue for its events
        self.own_cell = ""  # the watched topic in which its player is
        self.began_s = now_s
        self.heard_s = now_s
        self.lanes: dict[str, Lane] = {}
        self.gone = False
        self.closing_since_s = 0.0  # when it was first seen closing; 0 while open
        self.returning_since_s = 0.0  # since when its lanes wait for its player to be in the world again; 0: they don't
        self.rejoin_emitted_s = 0.0  # when the gateway asked for that; 0: it was answered, or there was no need
        self.broadcast_codec: Codec | None = (
            None  # how to speak to it of others; None before it watches, and after its goodbye
        )
        self.written_s = -inf  # when it was last flushed
        self.out: list[bytes] = []  # what waits to be written
        self.paused = False  # whether the client does not read: then what waits is counted
        self._out_bytes = 0
        self._transport = transport
        self._limits = limits
        self.missed_broadcasts = False  # whether it missed something because it did not read
        self.cut_off = False  # whether too much waited for it

    @property
    def playing(self) -> bool:
        """Whether a player is in the world through this connection."""
        return self.player != "" and self.protocol.state in (State.PLAYING, State.LEAVING)

    @property
    def login_pending(self) -> bool:
        """Whether it is up to the client to get into the world; who waits for a reply to a login waits for us."""
        return not self.playing and self.protocol.state is not State.ENTERING

    @property
    def ending(self) -> str:
        """Why the connection ended: the code of its goodbye, or ``slow_reader``, or ``hung_up`` by the client."""
        return "slow_reader" if self.cut_off else self.protocol.goodbye or "hung_up"

    @property
    def unanswered(self) -> int:
        """How many events were accepted and not answered."""
        return sum(lane.unanswered for lane in self.lanes.values())

    @property
    def in_flight(self) -> list[Envelope]:
        """All that was published and not answered."""
        return [envelope for lane in self.lanes.values() for envelope in lane.in_flight]

    def lane(self, name: str) -> Lane:
        """One of its lanes."""
        if name not in self.lanes:
            limits = self._limits
            self.lanes[name] = Lane(limits.lane_waiting_max, limits.lane_flight_max, limits.republish_after_s)
        return self.lanes[name]

    def tell(self, packet: FromServer) -> None:
        """Queue one of the gateway's own packets."""
        self.protocol.send(packet)
        self.put(self.protocol.data_to_send())

    def listen(self) -> None:
        """It may be told what others do."""
        if not self.protocol.closed:
            self.broadcast_codec = self.protocol.codec

    def put(self, data: bytes) -> None:
        """Queue bytes that matter."""
        if data:
            self.out.append(data)
            self._out_bytes += len(data)

    def put_if_room(self, data: bytes) -> None:
        """Queue bytes that a slow reader can do without. (Where it reads, appending them to ``out`` does the same.)"""
        if self.paused and self._out_bytes > self._limits.write_buffer_soft_bytes:
            self.missed_broadcasts = True
        else:
            self.put(data)

    def flush(self) -> None:
        """Write what is queued, in one piece; cut off a client for whom too much waits."""
        if self.paused:
            if self._out_bytes > self._limits.write_buffer_bytes_max:
                self.cut_off = True
                self.abort()
        elif self.out and not self.gone:
            out, self.out = self.out, []
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def pause(self) -> None:
        """The transport's buffer is full: the client does not read."""
        self.paused = True
        self._out_bytes = sum(map(len, self.out))

    def resume(self) -> None:
        """The transport's buffer is empty again."""
        self.paused = False
        self.flush()

    def close(self) -> None:
        """Write what is queued, and nothing more: the client may hang up."""
        self.flush()
        self._transport.finish()

    def hang_up(self) -> None:
        """Close when everything was sent."""
        self._transport.hang_up()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self.out, self._out_bytes = [], 0
        self._transport.abort()
