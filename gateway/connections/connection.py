"""One client's connection: its protocol, its identity, its lanes, and what waits to be written to it.

Writes are gathered and go out once per flush window. A client that does not read first misses what others do around it,
and is later cut off; when it reads again it is shown the present state instead of the past.
"""

from math import inf
from typing import Protocol

from gameserver.declare.base import Event
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.wire.codecs import Codec, TalkingCodec
from gameserver.wire.packets import FromServer
from gameserver.wire.server import ServerConnection
from gameserver.wire.states import State
from gateway.connections.lanes import Lane
from gateway.connections.rejoin import Rejoin


class Transport(Protocol):
    """The way to the client's socket; see ``gateway.net.transport``."""

    def write(self, data: bytes) -> None: ...

    def finish(self, goodbye: str) -> None: ...

    def hang_up(self) -> None: ...

    def abort(self) -> None: ...


class Connection:
    """A connection from its first byte to its last. ``token`` is the secret minted for it.

    A session lives over many connections: ``session_id`` and ``player`` are known once this one has entered.
    """

    __slots__ = (
        "_asked_s",
        "_limits",
        "_out_bytes",
        "_transport",
        "began_s",
        "broadcast_codec",
        "closing_since_s",
        "cut_off",
        "due_s",
        "gone",
        "heard_all_s",
        "heard_s",
        "id",
        "lanes",
        "missed_broadcasts",
        "out",
        "own_cell",
        "paused",
        "player",
        "protocol",
        "rejoin",
        "session_id",
        "shard_key",
        "token",
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
        self.heard_all_s = inf  # since when it is known that the client will send nothing more
        self._asked_s = now_s  # when it was asked for a sign of life
        self.lanes: dict[str, Lane] = {}
        self.gone = False
        self.closing_since_s = 0.0  # when it was first seen closing; 0 while open
        self.rejoin = Rejoin()
        self.broadcast_codec: Codec | None = None  # for what others do; None before it watches, and after its goodbye
        self.out: list[bytes] = []  # what waits to be written
        self.due_s = inf  # when that is to be written at the latest, as far as it can wait
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
        """Whether it is up to the client to get into the world. (Who waits for the reply to a login waits for us.)"""
        return not self.playing and self.protocol.state is not State.ENTERING

    @property
    def ending(self) -> str:
        """Why the connection ended: the code of its goodbye, or ``slow_reader``, or ``hung_up`` by the client."""
        if self.cut_off:
            return "slow_reader"
        goodbye = self.protocol.goodbye
        return (
            goodbye if goodbye not in ("", "half_closed") else "hung_up"
        )  # who closes at once has closed a half first

    # Its events.

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

    def note_end_of_input(self, now_s: float) -> None:
        """The client will send nothing more."""
        self.heard_all_s = now_s

    def is_done(self, now_s: float, patience_s: float) -> bool:
        """Whether the client sends nothing more, and is answered or was given so long to be."""
        return self.heard_all_s < inf and (not self.unanswered or now_s - self.heard_all_s > patience_s)

    def ask_if_there(self, now_s: float, every_s: float) -> bool:
        """Ask a client for a sign of life that has said nothing for so long. Returns whether it was asked.

        Programs send ``ping`` by themselves; people at terminals read, and their clients answer for them.
        """
        codec = self.protocol.codec
        if not isinstance(codec, TalkingCodec) or now_s - max(self.heard_s, self._asked_s) < every_s:
            return False
        self._asked_s = now_s
        self.put(codec.are_you_there)
        return True

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """Read what the client sent. Returns the events in it; what the protocol answers waits in ``protocol``."""
        self.heard_s = now_s
        return self.protocol.receive(data, now_s)

    # Its session and its player's place in the world.

    def enter_session(self, session_id: str, player: str, applied_seq: int) -> None:
        """Play for this session from now on, which another connection may have begun."""
        self.session_id, self.player = session_id, player
        self.protocol.entered(session_id, self.token, resumed=session_id != self.id, seq=applied_seq)

    def relocate(self, shard_key: str, own_cell: str) -> None:
        """Note where the player is now; "" changes nothing."""
        self.shard_key = shard_key or self.shard_key
        self.own_cell = own_cell or self.own_cell

    def subscribe(self) -> None:
        """Hear what others do from now on."""
        if not self.protocol.closed:
            self.broadcast_codec = self.protocol.codec

    def unsubscribe(self) -> None:
        """Hear no longer what others do."""
        self.broadcast_codec = None

    def take_missed_broadcasts(self) -> bool:
        """Say whether it missed what others did and has not been shown the present since; it is to be shown it now."""
        missed, self.missed_broadcasts = self.missed_broadcasts, False
        return missed

    # What is written to it.

    def send(self, packet: FromServer) -> None:
        """Queue one of the gateway's own packets."""
        self.protocol.send(packet)
        self.put_protocol_output()

    def put_protocol_output(self) -> bool:
        """Queue what the protocol itself has to say. Returns whether there was anything."""
        data = self.protocol.data_to_send()
        self.put(data)
        return bool(data)

    def put_reply(self, packet: bytes) -> None:
        """Queue what the protocol has to say, and after it a packet that a process has encoded."""
        self.put(self.protocol.data_to_send())
        if packet and self.protocol.codec is not None:
            self.put(self.protocol.codec.frame(packet))

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

    def wait_until(self, due_s: float) -> None:
        """Let what is queued wait until then, as far as it can wait."""
        self.due_s = due_s

    def flush(self) -> None:
        """Write what is queued, in one piece; cut off a client for whom too much waits."""
        self.due_s = inf
        if self.paused:
            if self._out_bytes > self._limits.write_buffer_bytes_max:
                self.cut_off = True
                self.abort()
        elif self.out and not self.gone:
            out, self.out = self.out, []
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def pause(self) -> None:
        """Stop writing: the transport's buffer is full, the client does not read."""
        self.paused = True
        self._out_bytes = sum(map(len, self.out))

    def resume(self) -> None:
        """Write again: the transport's buffer is empty."""
        self.paused = False
        self.flush()

    # Its end.

    def begin_closing(self, now_s: float) -> None:
        """Write what is queued, and nothing more after the goodbye: the client may hang up."""
        self.unsubscribe()
        self.closing_since_s = self.closing_since_s or now_s
        self.close()

    def closing_for_s(self, now_s: float) -> float:
        """How long it has been closing, or 0 from now on if nobody has seen it close yet."""
        self.closing_since_s = self.closing_since_s or now_s
        return now_s - self.closing_since_s

    def close(self) -> None:
        """Write what is queued, and nothing more."""
        self.flush()
        self._transport.finish(self.protocol.goodbye)

    def hang_up(self) -> None:
        """Close when everything was sent."""
        self._transport.hang_up()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self.out, self._out_bytes = [], 0
        self._transport.abort()

    def mark_gone(self) -> None:
        """Write nothing any more: the socket is closed."""
        self.gone = True
