"""WebSocket frames and handshakes against two libraries that were not written here, ``websockets`` and ``wsproto``."""

import struct
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode as TheirOpcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from wsproto import WSConnection
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request, TextMessage
from wsproto.frame_protocol import FrameProtocol, ParseFailed
from wsproto.frame_protocol import Opcode as WsprotoOpcode

from gameserver.wire.errors import HttpFault, PeerClosed
from gameserver.wire.http import read_request
from gameserver.wire.websocket import FRAGMENTS_MAX, Messages, Opcode, Ping, Pong, accept, frame, unmask

BYTES_MAX = 300
HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def a_frame(first: int, masks: bool, payload: bytes, mask: bytes, form: int) -> bytes:
    """A client's frame; ``form``: in how many bytes its length is written at least."""
    size = len(payload)
    if size > 125 or form:
        wide = size > 65_535 or form > 2
        length = bytes([127 if wide else 126]) + struct.pack(">Q" if wide else ">H", size)
    else:
        length = bytes([size])
    length = bytes([length[0] | (0x80 if masks else 0)]) + length[1:]
    return bytes([first]) + length + (mask + unmask(payload, mask) if masks else payload)


texts = st.text(max_size=40).map(str.encode) | st.binary(max_size=140)
usual = st.sampled_from([0x81, 0x81, 0x01, 0x00, 0x80, 0x89, 0x8A])
odd = st.sampled_from([0x82, 0x02, 0x88, 0x09, 0x83, 0xC1, 0xF1])
good_frames = st.builds(a_frame, usual, st.just(True), texts, st.binary(min_size=4, max_size=4), st.just(0))
any_frames = st.builds(
    a_frame,
    usual | odd,
    st.sampled_from([True] * 9 + [False]),
    texts,
    st.binary(min_size=4, max_size=4),
    st.sampled_from([0] * 9 + [2, 8]),
)
streams = st.lists(good_frames, max_size=12).flatmap(
    lambda good: st.lists(any_frames | st.binary(max_size=12), max_size=3).map(lambda odd: b"".join([*good, *odd]))
)


def ours(data: bytes, cuts: list[int]) -> tuple[list[bytes], str]:
    """The messages we read from a stream that comes in pieces, and how it ended ("": it goes on)."""
    messages = Messages(BYTES_MAX, Opcode.TEXT)
    got: list[bytes] = []
    for piece in pieces(data, cuts):
        whole, fault = messages.feed(piece)
        got += whole
        assert len(messages._buffer) <= len(data)
        if fault is not None:
            return got, "closed" if isinstance(fault, PeerClosed) else "fault"
        assert len(messages._buffer) <= BYTES_MAX + 14
        assert len(messages._message) <= BYTES_MAX
    return got, ""


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(at)]


def told(messages: list[bytes]) -> list[tuple[str, bytes]]:
    kinds = {Ping: "ping", Pong: "pong"}
    return [(kinds.get(type(message), "text"), bytes(message)) for message in messages]


def wsprotos(data: bytes) -> tuple[list[tuple[str, bytes]], str]:
    """The same as ``wsproto`` reads it."""
    reader = FrameProtocol(client=False, extensions=[])
    reader.receive_bytes(data)
    got: list[tuple[str, bytes]] = []
    text = ""
    try:
        for read in reader.received_frames():
            if read.opcode is WsprotoOpcode.CLOSE:
                return got, "closed"
            if read.opcode is WsprotoOpcode.BINARY:
                return got, "fault"  # which is right elsewhere
            if read.opcode is WsprotoOpcode.TEXT:
                assert isinstance(read.payload, str)
                text += read.payload
                if read.message_finished:
                    got.append(("text", text.encode()))
                    text = ""
            else:
                assert isinstance(read.payload, bytes | bytearray)
                got.append(("ping" if read.opcode is WsprotoOpcode.PING else "pong", bytes(read.payload)))
    except ParseFailed:
        return got, "fault"
    return got, ""


def test_the_bound_is_above_what_these_streams_hold_in_fragments() -> None:
    assert FRAGMENTS_MAX > 15


@settings(max_examples=500, deadline=None)
@given(streams, st.lists(st.integers(0, 5_000), max_size=12))
def test_any_stream_is_read_as_wsproto_reads_it(data: bytes, cuts: list[int]) -> None:
    messages, end = ours(data, cuts)
    theirs, their_end = wsprotos(data)
    same = min(len(messages), len(theirs))
    assert told(messages)[:same] == theirs[:same]
    if their_end == "":
        assert end or len(theirs) == len(messages)
    if end == "":
        assert their_end in ("", "fault")  # it refuses a text that is no UTF-8 before its end
        assert their_end or len(theirs) == len(messages)
    if their_end == "":
        assert end in ("", "fault")  # a message that is too long, which it takes
    if their_end == "closed":
        assert end in ("closed", "fault")


@settings(max_examples=300, deadline=None)
@given(st.lists(good_frames, max_size=12), st.lists(st.integers(0, 5_000), max_size=12))
def test_what_websockets_takes_we_take(frames: list[bytes], cuts: list[int]) -> None:
    data = b"".join(frames)
    theirs = ServerProtocol(max_size=BYTES_MAX, state=State.OPEN)
    theirs.receive_data(data)
    got: list[tuple[str, bytes]] = []
    message = b""
    failed = theirs.parser_exc is not None
    for read in theirs.events_received():
        assert not isinstance(read, Exception)
        if read.opcode in (TheirOpcode.PING, TheirOpcode.PONG):
            got.append((read.opcode.name.lower(), bytes(read.data)))
            continue
        message += read.data
        if read.fin:
            if not is_text(message):
                failed = True
                break
            got.append(("text", message))
            message = b""
    messages, end = ours(data, cuts)
    assert told(messages) == got
    assert bool(end) == failed


def is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=70_000) | st.integers(0, 70_000).map(bytes), st.sampled_from([Opcode.TEXT, Opcode.BINARY]))
def test_what_we_write_both_libraries_read(payload: bytes, opcode: Opcode) -> None:
    if opcode is Opcode.TEXT:
        payload = payload.hex().encode()
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(frame(opcode, payload))
    parts: list[Any] = [read.payload for read in client.received_frames()]
    assert b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts) == payload


handshakes = st.lists(
    st.sampled_from(
        [
            "Host: localhost",
            "Upgrade: websocket",
            "Upgrade: h2c",
            "Connection: Upgrade",
            "Connection: keep-alive, upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Key: c2hvcnQ=",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version: 8",
            "Sec-WebSocket-Protocol: gameserver.json",
            "Sec-WebSocket-Extensions: permessage-deflate",
        ]
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(handshakes)
def test_a_handshake_that_we_agree_to_wsproto_agrees_to_with_the_same_key(fields: list[str]) -> None:
    raw = "\r\n".join(["GET /socket HTTP/1.1", *fields, "", ""]).encode()
    try:
        request = read_request(raw)
        assert request is not None
        _, response = accept(request, subprotocols=["gameserver.json"], origins=())
    except HttpFault:
        return
    if request.headers.get("upgrade") != "websocket" or "upgrade" not in request.headers.get("connection", "").lower():
        return  # ``is_upgrade`` has kept it from us
    theirs = WSConnection(ConnectionType.SERVER)
    theirs.receive_data(raw)
    (event,) = theirs.events()
    assert isinstance(event, Request)
    lines = theirs.send(AcceptConnection()).split(b"\r\n")
    key = next(line for line in lines if b"ccept:" in line).split(b": ")[1]
    assert key in response


def test_wsprotos_client_comes_in_speaks_and_leaves() -> None:
    client = WSConnection(ConnectionType.CLIENT)
    request = read_request(client.send(Request(host="localhost", target="/socket", subprotocols=["gameserver.json"])))
    assert request is not None
    subprotocol, response = accept(request, subprotocols=["gameserver.json"], origins=())
    assert subprotocol == "gameserver.json"
    client.receive_data(response)
    next(client.events())
    messages = Messages(BYTES_MAX, Opcode.TEXT)
    assert messages.feed(client.send(TextMessage(data='{"type":"hello"}'))) == ([b'{"type":"hello"}'], None)
    assert messages.feed(client.send(BytesMessage(data=b"x")))[1] is not None
    _, fault = Messages(BYTES_MAX, Opcode.TEXT).feed(client.send(CloseConnection(code=1000)))
    assert isinstance(fault, PeerClosed)
    assert client.state is ConnectionState.LOCAL_CLOSING
