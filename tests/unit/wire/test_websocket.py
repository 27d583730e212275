"""The handshake and the frames of WebSockets, byte by byte where RFC 6455 gives bytes."""

import struct

import msgspec
import pytest

from gameserver.limits import Limits
from gameserver.wire import websocket
from gameserver.wire.codecs import subprotocols
from gameserver.wire.errors import HttpFault, PeerClosed
from gameserver.wire.http import Request, read_request
from gameserver.wire.packets import PROTOCOL, Welcome
from gameserver.wire.server import ServerConnection
from gameserver.wire.websocket import FRAGMENTS_MAX, Messages, Opcode, Ping, Pong, accept, frame, unmask

KNOWN = ("gameserver.json", "gameserver.msgpack")
MASK = b"\x37\xfa\x21\x3d"


def asked(**changes: str) -> Request:
    """A browser's handshake, but for some fields ("" leaves one out)."""
    fields = {
        "Host": "localhost:4080",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    request = read_request("\r\n".join(["GET /socket HTTP/1.1", *lines, "", ""]).encode())
    assert request is not None
    return request


def masked(first: int, payload: bytes, mask: bytes = MASK) -> bytes:
    """A frame as a client sends it, its length in as few bytes as can be."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 2**16:
        head = bytes((first, 0x80 | 126)) + struct.pack(">H", size)
    else:
        head = bytes((first, 0x80 | 127)) + struct.pack(">Q", size)
    return head + mask + unmask(payload, mask)


# The handshake.


def test_the_answer_to_the_key_is_that_of_the_rfc():
    subprotocol, response = accept(asked(), subprotocols=KNOWN, origins=())
    assert subprotocol == ""
    assert response.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in response
    assert b"Sec-WebSocket-Protocol" not in response


def test_the_first_subprotocol_that_is_known_is_taken():
    subprotocol, response = accept(
        asked(Sec_WebSocket_Protocol="chat, gameserver.msgpack, gameserver.json"), subprotocols=KNOWN, origins=()
    )
    assert subprotocol == "gameserver.msgpack"
    assert b"Sec-WebSocket-Protocol: gameserver.msgpack\r\n" in response


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": ""}, 426),
        ({"Sec_WebSocket_Key": ""}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": "?"}, 400),
        ({"Sec_WebSocket_Protocol": "chat"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_what_is_no_handshake_of_ours_is_refused(changes: dict[str, str], status: int):
    with pytest.raises(HttpFault) as refused:
        accept(asked(**changes), subprotocols=KNOWN, origins=())
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("host", "origin", "listed"),
    [
        ("localhost:4080", "http://localhost:4080", ()),
        ("play.example", "https://play.example", ()),
        ("Play.Example", "https://play.example:443", ()),
        ("localhost:4080", "", ()),  # no browser
        ("localhost:4080", "https://other.example", ("https://other.example",)),
        ("localhost:4080", "https://other.example", ("*",)),
    ],
)
def test_pages_of_this_server_and_those_that_are_listed_may_connect(host: str, origin: str, listed: tuple[str, ...]):
    accept(asked(Host=host, Origin=origin), subprotocols=KNOWN, origins=listed)


def test_a_request_for_a_page_is_no_upgrade():
    assert websocket.is_upgrade(asked())
    assert not websocket.is_upgrade(asked(Upgrade=""))
    assert not websocket.is_upgrade(asked(Connection="keep-alive"))


# Frames out.


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_length_is_written_in_as_few_bytes_as_can_be(size: int, head: bytes):
    assert frame(Opcode.TEXT, b"x" * size) == head + b"x" * size


# Frames in.


def test_the_masked_hello_of_the_rfc():
    messages = Messages(100, Opcode.TEXT)
    assert messages.feed(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == ([b"Hello"], None)


def test_the_fragments_of_the_rfc_with_a_ping_between_them():
    messages = Messages(100, Opcode.TEXT)
    stream = masked(0x01, b"Hel") + masked(0x89, b"here?") + masked(0x80, b"lo") + masked(0x8A, b"")
    got = [message for byte in stream for message in messages.feed(bytes([byte]))[0]]
    assert got == [b"here?", b"Hello", b""]
    assert [type(one) for one in got] == [Ping, bytes, Pong]


def test_a_character_may_be_split_between_fragments():
    snowman = "☃".encode()
    messages = Messages(100, Opcode.TEXT)
    assert messages.feed(masked(0x01, snowman[:1]) + masked(0x80, snowman[1:])) == ([snowman], None)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_messages_of_every_form_of_length_arrive(size: int):
    messages = Messages(70_000, Opcode.BINARY)
    payload = bytes(n % 251 for n in range(size))
    assert messages.feed(masked(0x82, payload)) == ([payload], None)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x81\x05Hello", "bad_websocket"),  # not masked
        (masked(0xC1, b"x"), "bad_websocket"),  # a reserved bit
        (masked(0x83, b"x"), "bad_websocket"),  # no such opcode
        (masked(0x82, b"x"), "bad_websocket"),  # binary, where texts are spoken
        (masked(0x80, b"x"), "bad_websocket"),  # goes on with nothing
        (masked(0x01, b"x") + masked(0x81, b"y"), "bad_websocket"),  # another before the end of the first
        (masked(0x09, b"x"), "bad_websocket"),  # a ping in fragments
        (masked(0x89, b"x" * 126), "bad_websocket"),  # a long ping
        (b"\x81\xfe\x00\x7d", "bad_websocket"),  # a length in more bytes than it needs
        (b"\x81\xff" + struct.pack(">Q", 65_535), "bad_websocket"),
        (masked(0x81, b"\xff"), "bad_websocket"),  # no UTF-8
        (b"\x81\xfe" + struct.pack(">H", 201), "frame_too_large"),  # before any of it came
        (b"\x81\xff" + struct.pack(">Q", 2**63), "frame_too_large"),
        (masked(0x01, b"x" * 150) + masked(0x80, b"x" * 51), "frame_too_large"),
        (masked(0x01, b"") + masked(0x00, b"") * FRAGMENTS_MAX, "bad_websocket"),
        (masked(0x88, b"\x03\xe8"), "hung_up"),
    ],
)
def test_what_ends_a_connection(raw: bytes, code: str):
    messages = Messages(200, Opcode.TEXT)
    whole, fault = messages.feed(masked(0x81, b"before") + raw + masked(0x81, b"after"))
    assert (whole, fault.code if fault else None) == ([b"before"], code)
    assert isinstance(fault, PeerClosed) == (code == "hung_up")


# A whole connection.

GREETING = Welcome(
    protocol=PROTOCOL,
    catalogue="cafe",
    gateway="g1",
    frame_bytes_max=200,
    lane_waiting_max=32,
    packets_per_s=50.0,
    idle_s_max=300.0,
)


def connection(subprotocol: str = "gameserver.json", **limits: int) -> ServerConnection:
    return ServerConnection(Limits(**limits), GREETING, subprotocols()[subprotocol])


@pytest.mark.parametrize(
    ("subprotocol", "encode", "decode", "first"),
    [
        ("gameserver.json", msgspec.json.encode, msgspec.json.decode, 0x81),
        ("gameserver.msgpack", msgspec.msgpack.encode, msgspec.msgpack.decode, 0x82),
    ],
)
def test_both_codecs_speak_in_messages(subprotocol, encode, decode, first: int):
    protocol = connection(subprotocol)
    protocol.receive(masked(first, encode({"type": "hello", "protocol": PROTOCOL})), 0.0)
    said = protocol.data_to_send()
    assert said[0] == first
    assert decode(said[4:] if said[1] == 126 else said[2:])["type"] == "welcome"


def test_json_may_be_printed_with_newlines():
    protocol = connection()
    protocol.receive(masked(0x81, b'{\n "type": "hello",\n "protocol": 1\n}\n'), 0.0)
    assert b'"welcome"' in protocol.data_to_send()


def test_a_ping_is_answered_and_a_flood_of_pings_ends_the_connection():
    protocol = connection(packets_burst=5)
    protocol.receive(masked(0x89, b"are you there"), 0.0)
    assert protocol.data_to_send() == frame(Opcode.PONG, b"are you there")
    protocol.receive(masked(0x89, b"") * 1_000, 0.0)
    assert protocol.closed
    assert protocol.goodbye == "flooding"


def test_who_closes_is_told_nothing():
    protocol = connection()
    assert protocol.receive(masked(0x88, b"\x03\xe8"), 0.0) == []
    assert protocol.closed
    assert protocol.goodbye == ""
    assert protocol.data_to_send() == b""


@pytest.mark.parametrize(
    ("goodbye", "status"), [("", 1000), ("taken_over", 1000), ("frame_too_large", 1009), ("bad_websocket", 1002)]
)
def test_the_close_frame_says_why(goodbye: str, status: int):
    assert websocket.farewell(goodbye) == frame(Opcode.CLOSE, struct.pack(">H", status) + goodbye.encode())
