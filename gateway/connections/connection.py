"""One client's connection: its protocol, its identity and its lanes. What is written to it is its ``Outgoing``."""

from math import inf

from gameserver.declare.base import Event
from gameserver.limits import Limits
from gameserver.wire.codecs import TalkingCodec
from gameserver.wire.packets import FromServer
from gameserver.wire.server import ServerConnection
from gameserver.wire.states import State
from gateway.connections.lanes import Lanes
from gateway.connections.outgoing import Outgoing, Transport
from gateway.connections.rejoin import Rejoin


class Connection:
    """A connection from its first byte to its last. ``token`` is the secret minted for it.

    A session lives over many connections: ``session_id`` and ``player`` are known once this one has entered.
    """

    __slots__ = (
        "_asked_s",
        "began_s",
        "closing_since_s",
        "heard_all_s",
        "heard_s",
        "id",
        "lanes",
        "outgoing",
        "own_cell",
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
        self.lanes = Lanes(limits)
        self.outgoing = Outgoing(transport, limits)
        self.closing_since_s = 0.0  # when it was first seen closing; 0 while open
        self.rejoin = Rejoin()

    @property
    def gone(self) -> bool:
        """Whether its socket is closed."""
        return self.outgoing.gone

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
        if self.outgoing.cut_off:
            return "slow_reader"
        goodbye = self.protocol.goodbye
        return goodbye if goodbye not in ("", "half_closed") else "hung_up"  # who closes has closed a half first

    # Its events.

    def note_end_of_input(self, now_s: float) -> None:
        """The client will send nothing more."""
        self.heard_all_s = now_s

    def is_done(self, now_s: float, patience_s: float) -> bool:
        """Whether the client sends nothing more, and is answered or was given so long to be."""
        return self.heard_all_s < inf and (not self.lanes.unanswered or now_s - self.heard_all_s > patience_s)

    def ask_if_there(self, now_s: float, every_s: float) -> bool:
        """Ask a client for a sign of life that has said nothing for so long. Returns whether it was asked.

        Programs send ``ping`` by themselves; people at terminals read, and their clients answer for them.
        """
        codec = self.protocol.codec
        if not isinstance(codec, TalkingCodec) or now_s - max(self.heard_s, self._asked_s) < every_s:
            return False
        self._asked_s = now_s
        self.outgoing.put(codec.are_you_there)
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
            self.outgoing.subscribe(self.protocol.codec)

    # What the protocol has to say.

    def send(self, packet: FromServer) -> None:
        """Queue one of the gateway's own packets."""
        self.protocol.send(packet)
        self.put_protocol_output()

    def put_protocol_output(self) -> bool:
        """Queue what the protocol itself has to say. Returns whether there was anything."""
        data = self.protocol.data_to_send()
        self.outgoing.put(data)
        return bool(data)

    def put_reply(self, packet: bytes) -> None:
        """Queue what the protocol has to say, and after it a packet that a process has encoded."""
        self.outgoing.put(self.protocol.data_to_send())
        if packet and self.protocol.codec is not None:
            self.outgoing.put(self.protocol.codec.frame(packet))

    # Its end.

    def begin_closing(self, now_s: float) -> None:
        """Write what is queued, and nothing more after the goodbye: the client may hang up."""
        self.outgoing.unsubscribe()
        self.closing_since_s = self.closing_since_s or now_s
        self.outgoing.finish(self.protocol.goodbye)

    def closing_for_s(self, now_s: float) -> float:
        """How long it has been closing, or 0 from now on if nobody has seen it close yet."""
        self.closing_since_s = self.closing_since_s or now_s
        return now_s - self.closing_since_s
