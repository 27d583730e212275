"""The server's side of a connection, without I/O.

``receive`` takes bytes and gives the events that may go on to the game; what the protocol answers by itself (greeting,
keep-alive, refusals) waits in ``data_to_send``. Nothing here waits, reads a clock or touches a socket.
"""

from msgspec.structs import replace

from gameserver.declare.base import SECRET_BYTES_MAX, SEQ_MAX, Event
from gameserver.declare.session_events import Entrance, Leaving, Resumption
from gameserver.limits import Limits
from gameserver.wire import websocket
from gameserver.wire.codecs import Codec, TalkingCodec, json_codec, tell_apart
from gameserver.wire.errors import PacketFault, PeerClosed, WireFault
from gameserver.wire.frames import Framing
from gameserver.wire.packets import PROTOCOL, Bye, Error, FromClient, FromServer, Hello, Ping, Pong, Token, Welcome
from gameserver.wire.rate_limit import TokenBucket
from gameserver.wire.states import REFUSALS, TABLE, Input, State

# What another gateway may have taken: its version knows the event and its fields, or it was sent fewer at once.
NOT_READ = frozenset({"unknown_type", "bad_field", "flooding"})
UNTOLD_MAX = 1_000_000  # numbers that a client may have used above the last that took effect, and does not tell
FLOOD_FACTOR = 4  # so many bursts of refused packets at once end a connection


class ServerConnection:
    """One client's connection. ``greeting`` is sent in answer to its hello.

    ``codec``: how both sides speak, where that was agreed to before; else the first byte says it.
    """

    __slots__ = (
        "_bucket",
        "_framing",
        "_greeting",
        "_limits",
        "_out",
        "_refusals",
        "_sent",
        "_seq",
        "_seq_applied",
        "closed",
        "codec",
        "goodbye",
        "packets",
        "packets_refused",
        "sent_before_to",
        "state",
    )

    def __init__(self, limits: Limits, greeting: Welcome, codec: Codec | None = None) -> None:
        self.state = State.NEW
        self.codec: Codec | None = None
        self.packets = 0  # how many came, and how many of them had to be refused
        self.packets_refused = 0
        self.goodbye = ""  # the code with which it was closed
        self.closed = False  # whether nothing more is accepted: flush what is to be sent, then close
        self._limits = limits
        self._greeting = greeting
        self._bucket = TokenBucket(limits.packets_per_s, limits.packets_burst)
        # What had to be refused lately: who doesn't stop is not worth its packets.
        self._refusals = TokenBucket(limits.packets_per_s, FLOOD_FACTOR * limits.packets_burst)
        self._seq = 0  # the highest number this connection has sent
        self._seq_applied = 0  # the highest that an earlier connection of the session had applied
        self._sent = SEQ_MAX  # the highest that earlier connections had sent, by what the client says when it resumes
        self.sent_before_to = 0  # numbers up to this one may have been sent on an earlier connection
        self._out: list[bytes] = []
        self._framing: Framing
        if codec is not None:
            self._speak(codec)

    def data_to_send(self) -> bytes:
        """What the protocol itself has to say since the last call."""
        if not self._out:
            return b""
        out, self._out = self._out, []
        return b"".join(out)

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """Take bytes; give the events, each with its ``seq``, that may go on to the game."""
        if self.closed or not data:
            return []
        try:
            frames, fault = self._frames(data)
        except WireFault as unknown:
            frames, fault = [], unknown
        self.packets += len(frames)
        taken = [self._packet(raw, now_s) for raw in frames]
        if isinstance(self.codec, TalkingCodec):
            taken += self._errands(self.codec)
        if fault is not None:
            self._end(fault)
        return [event for event in taken if event is not None]

    def _errands(self, codec: TalkingCodec) -> list[Event]:
        return [self._event(event) for event in codec.errands()] if self.state is State.PLAYING else []

    def greet(self) -> None:
        """Begin to talk: a person waits to be asked who it is."""
        self._move(Input.HELLO)
        self.send(self._greeting)

    def send(self, packet: FromServer) -> None:
        """Queue one of the server's own packets."""
        codec = self.codec or json_codec()  # who has not said how to speak is told in words
        self._out.append(codec.encode(packet))

    def entered(self, session: str, token: str, *, resumed: bool, seq: int) -> None:
        """The game let this connection in; ``seq`` is the session's highest applied number."""
        if (self.state, Input.ENTERED) not in TABLE:
            return  # closed while the login was under way
        self._move(Input.ENTERED)
        self._seq = 0 if resumed else self._seq
        self._seq_applied = seq
        self.sent_before_to = max(self._sent, seq) if resumed else 0
        if resumed and isinstance(self.codec, TalkingCodec):  # whose numbers are its own
            self.sent_before_to = self._used()
            self.codec.count_on(self.sent_before_to)
        self.send(Token(token=token, session=session))

    def refused(self) -> None:
        """The game did not let this connection in (or out)."""
        if (self.state, Input.REFUSED) in TABLE:
            self._move(Input.REFUSED)

    def close(self, code: str, message: str) -> None:
        """Say goodbye; nothing more is accepted."""
        if not self.closed:
            self.goodbye = code
            self.send(Bye(code=code, message=message))
            self._move(Input.CLOSE)

    def _frames(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        if self.codec is None:
            self._speak(tell_apart(data[0]))
        return self._framing.feed(data)

    def _speak(self, codec: Codec) -> None:
        self.codec = codec
        self._framing = codec.framing(self._limits.frame_bytes_max)
        if isinstance(codec, TalkingCodec):
            codec.say = self._say

    def _say(self, data: bytes) -> None:
        self._out.append(data)

    def _end(self, fault: WireFault) -> None:
        if isinstance(fault, PeerClosed):
            self._move(Input.CLOSE)
        else:
            self.close(fault.code, fault.message)

    def _packet(self, raw: bytes, now_s: float) -> Event | None:
        """One frame: answered here, or given on to the game."""
        if self.closed or self.codec is None:
            return None
        try:
            admitted = self._bucket.take(now_s)  # before anything is done for it
            if not admitted and isinstance(self.codec, TalkingCodec):
                raise self._flooding(0)
            packet = self.codec.decode(raw, self._limits.json_depth_max)
            if not admitted:
                raise self._flooding(getattr(packet, "seq", 0))
            return self._take(packet)
        except PacketFault as fault:
            self.send(self._refusal(fault))
            self._count_refusal(now_s)
        except WireFault as fault:
            self.close(fault.code, fault.message)
        return None

    def _refusal(self, fault: PacketFault) -> Error:
        """Answer a packet that is not taken.

        Of what was sent on an earlier connection that says nothing: a gateway of another version may have taken it.
        """
        if fault.code in NOT_READ and 0 < fault.re <= self.sent_before_to:
            return Error(re=fault.re, code="in_doubt", message=fault.message)
        return Error(re=fault.re, code=fault.code, message=fault.message)

    def _flooding(self, seq: int) -> PacketFault:
        return PacketFault("flooding", f"More than {self._limits.packets_per_s:g} packets a second.", seq)

    def _count_refusal(self, now_s: float) -> None:
        self.packets_refused += 1
        if not self._refusals.take(now_s):
            self.close("flooding", "Too many packets that had to be refused.")

    def _take(self, packet: FromClient | Event | bytes | None) -> Event | None:
        if isinstance(packet, Event):
            return self._event(packet)
        if isinstance(packet, Ping):
            self.send(Pong(t=packet.t))
        elif isinstance(packet, Hello):
            self._hello(packet)
        elif isinstance(packet, websocket.Ping):
            self._out.append(websocket.pong(packet))
        return None

    def _hello(self, hello: Hello) -> None:
        self._move(Input.HELLO)
        if hello.protocol != PROTOCOL:
            raise WireFault("protocol_mismatch", f"This server speaks protocol {PROTOCOL}.")
        if hello.catalogue not in ("", self._greeting.catalogue):
            raise WireFault(
                "catalogue_mismatch", f"This server's catalogue is {self._greeting.catalogue}: update the client."
            )
        self.send(self._greeting)

    def _event(self, event: Event) -> Event:
        event = self._numbered(event)
        secrets = event.spec.secrets
        if secrets and any(len(getattr(event, name).encode()) > SECRET_BYTES_MAX for name in secrets):
            raise PacketFault("bad_field", f"A secret has {SECRET_BYTES_MAX} bytes at most.", event.seq)
        self._move(_input(event), event.seq)
        self._seq = event.seq
        return self._noted(event) if isinstance(event, Resumption) else event

    def _noted(self, resume: Resumption) -> Resumption:
        """What the client says of its numbers is for this connection alone, and goes no further."""
        self._sent = resume.sent
        return replace(resume, sent=SEQ_MAX)

    def _numbered(self, event: Event) -> Event:
        """An event with its number; who leaves it out (a person at a terminal) gets the next one."""
        if event.seq == 0 and (before := max(self._seq, self._used())) < SEQ_MAX:
            return replace(event, seq=before + 1)
        if event.seq <= self._seq:
            raise PacketFault("bad_seq", f"seq must rise: {event.seq} came after {self._seq}.", event.seq)
        return event

    def _used(self) -> int:
        """The highest number that the session may have used on earlier connections, as far as can be told."""
        return self._seq_applied + UNTOLD_MAX if self.sent_before_to == SEQ_MAX else self.sent_before_to

    def _move(self, what: Input, re: int = 0) -> None:
        """Go where the table says. Raises ``PacketFault`` with the state's refusal where it says nothing."""
        state = TABLE.get((self.state, what))
        if state is None:
            code, message = REFUSALS[self.state]
            raise PacketFault(code, message, re)
        self.state = state
        self.closed = state is State.CLOSED


def _input(event: Event) -> Input:
    if isinstance(event, Entrance):
        return Input.ENTER
    return Input.LOGOUT if isinstance(event, Leaving) else Input.EVENT
