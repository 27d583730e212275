"""From frames to packets and back.

A frame is decoded and checked against the catalogue in one pass. Only when that fails is it looked at again, to find
out whose packet it was (its ``seq``) and what to say about it. Packets for clients come from the processes encoded as
MessagePack, once; a codec frames them, translating where its clients speak JSON.
"""

from collections.abc import Callable
from functools import cache, partial, reduce
from operator import or_
from typing import Any, Literal

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import SEQ_MAX, Event
from gameserver.declare.field_descriptions import QUOTED_MAX, fault_of
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.wire.errors import PacketFault, WireFault
from gameserver.wire.frames import FIRST_OF_LINES, FIRST_OF_PREFIXED, Framing, Lines, Prefixed, prefix
from gameserver.wire.packets import FromClient, FromServer, Hello, Ping
from gameserver.wire.websocket import Messages, Opcode
from gameserver.wire.websocket import frame as websocket_frame

Decode = Callable[[bytes], Any]
AddressForm = Literal["host and port", "url", ""]


class Codec:
    """One way of speaking: a framing and an encoding.

    ``address_form``: how its clients are told where else they may connect, "" for not at all.
    """

    address_form: AddressForm = "host and port"

    def __init__(
        self,
        name: str,
        framing: Callable[[int], Framing],
        typed: Decode,
        untyped: Decode,
        frame: Callable[[bytes], bytes],
    ) -> None:
        self.name = name
        self.framing = framing
        self._typed = typed
        self._untyped = untyped
        self.frame = frame  # from a packet in MessagePack to the bytes on this codec's wire

    def use(self, typed: Decode) -> None:
        """Decode packets so from now on, on connections that are open too."""
        self._typed = typed

    def decode(self, raw: bytes, depth_max: int) -> FromClient | Event | bytes | None:
        """A packet from a client; ``None`` for what a codec answers by itself.

        Raises ``PacketFault`` with the code and, where it could be read, ``re``.
        """
        try:
            packet: FromClient | Event = self._typed(raw)
        except msgspec.ValidationError:
            raise self._explain(raw, depth_max) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise PacketFault("bad_packet", f"This is not {self.name}: {error}.") from None
        return packet

    def _explain(self, raw: bytes, depth_max: int) -> PacketFault:
        try:
            packet = self._untyped(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
            return PacketFault("bad_packet", f"This is not {self.name}.")
        if is_deeper(packet, depth_max):
            return PacketFault("bad_packet", f"Nested deeper than {depth_max}.", _number_of(packet))
        return explain(packet)

    def encode(self, packet: FromServer) -> bytes:
        """A server's own packet, framed."""
        return self.frame(msgspec.msgpack.encode(packet))


class TalkingCodec(Codec):
    """One connection's own codec, which talks with its client by itself; ``say`` takes bytes for the client.

    Whoever owns it sets ``say``.
    """

    address_form: AddressForm = ""  # a person would have to be told

    say: Callable[[bytes], None]
    are_you_there: bytes  # asks a client that says nothing for a sign of life

    def count_on(self, seq: int) -> None:
        """Number events above this from now on."""

    def errands(self) -> list[Event]:
        """What it sends on the client's behalf, beside what the client has just sent."""
        return []


class WebSocketCodec(Codec):
    """The same over a WebSocket, each packet a message of one kind."""

    address_form: AddressForm = "url"

    def __init__(self, codec: Codec, opcode: Opcode, encode: Callable[[bytes], bytes]) -> None:
        super().__init__(
            codec.name,
            partial(Messages, opcode=opcode),
            codec._typed,
            codec._untyped,
            lambda packed: websocket_frame(opcode, encode(packed)),
        )

    def decode(self, raw: bytes, depth_max: int) -> FromClient | Event | bytes | None:
        """A packet from a client; a ping or pong of the WebSocket's own as it is."""
        return super().decode(raw, depth_max) if type(raw) is bytes else raw


def explain(packet: Any) -> PacketFault:
    """What is wrong with a packet that the catalogue refuses."""
    if not isinstance(packet, dict):
        return PacketFault("bad_packet", "A packet is a map with a type.")
    re = _number_of(packet)
    kind = packet.get("type")
    if not isinstance(kind, str):
        return PacketFault("bad_packet", "A packet has a type, a string.", re)
    if kind not in client_packets():
        return PacketFault("unknown_type", f"There is no event {kind[:QUOTED_MAX]!r}.", re)
    return PacketFault("bad_field", fault_of(packet, client_packets()[kind]), re)


def _number_of(packet: Any) -> int:
    """The number that a packet carries; 0 where it has none that can be answered."""
    seq = packet.get("seq") if isinstance(packet, dict) else 0
    return seq if type(seq) is int and 0 < seq <= SEQ_MAX else 0


def is_deeper(value: Any, levels: int) -> bool:
    """Whether maps and lists are nested deeper than so many levels."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels < 1 or any(is_deeper(each, levels - 1) for each in inner)


@once_per_reading
def client_packets() -> dict[str, type[FromClient | Event]]:
    """All packets that a client may send, by type."""
    return {"hello": Hello, "ping": Ping, **catalogue.client_events()}


@once_per_reading
def _any_client_packet() -> Any:
    return reduce(or_, client_packets().values())


def _json(packed: bytes) -> bytes:
    return msgspec.json.encode(msgspec.msgpack.decode(packed))


def _line(packed: bytes) -> bytes:
    return _json(packed) + b"\n"


@cache
def json_codec() -> Codec:
    """Lines of JSON."""
    return Codec("json", Lines, _typed(msgspec.json), msgspec.json.decode, _line)


@cache
def msgpack_codec() -> Codec:
    """Length-prefixed MessagePack."""
    return Codec("msgpack", Prefixed, _typed(msgspec.msgpack), msgspec.msgpack.decode, prefix)


@cache
def subprotocols() -> dict[str, Codec]:
    """The codecs of WebSockets, by the names under which clients ask for them. The first is for those who don't."""
    return {
        "gameserver.json": WebSocketCodec(json_codec(), Opcode.TEXT, _json),
        "gameserver.msgpack": WebSocketCodec(msgpack_codec(), Opcode.BINARY, bytes),
    }


def take_up_catalogue() -> None:
    """Decode by the catalogue as it is now: it was read anew."""
    encodings = {"json": msgspec.json, "msgpack": msgspec.msgpack}
    for codec in (json_codec(), msgpack_codec(), *subprotocols().values()):
        codec.use(_typed(encodings[codec.name]))


def _typed(encoding: Any) -> Decode:
    decode: Decode = encoding.Decoder(_any_client_packet()).decode
    return decode


def tell_apart(first: int) -> Codec:
    """The codec that a stream with this first byte speaks. Raises ``WireFault`` ``unknown_codec``."""
    if first == FIRST_OF_PREFIXED:
        return msgpack_codec()
    if first in FIRST_OF_LINES:
        return json_codec()
    raise WireFault("unknown_codec", "Begin with { for lines of JSON, or with a 4-byte length for MessagePack.")
