"""The server's side of a WebSocket (RFC 6455) without I/O: the handshake, frames in, frames out.

A WebSocket is one more way to frame packets: each message is one packet, text for JSON and binary for MessagePack. The
header of an outgoing frame follows from the payload's length alone, so that what many clients are told is framed once
for all of them. Extensions (compression) are not agreed to.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Collection
from enum import IntEnum
from urllib.parse import urlsplit

import msgspec

from gameserver.wire.errors import HttpFault, PeerClosed, WireFault
from gameserver.wire.http import Request, response_head

ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY_BYTES = 16
VERSION = "13"
ANY_ORIGIN = "*"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}

FRAGMENTS_MAX = 64  # of one message: each costs as much as a whole one
CONTROL_BYTES_MAX = 125
FIN = 0x80
RESERVED_BITS = 0x70
MASKED = 0x80
MASK_BYTES = 4
SHORT_MAX, LONG_MAX = 125, 2**16 - 1
LONG, LONGER = struct.Struct(">BBH"), struct.Struct(">BBQ")
LENGTH_FORMS = {126: (struct.Struct(">H"), SHORT_MAX), 127: (struct.Struct(">Q"), LONG_MAX)}


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


CONTROL = frozenset({Opcode.CLOSE, Opcode.PING, Opcode.PONG})

# How a connection ended (RFC 6455, 7.4.1), by the code of its goodbye.
CLOSE_CODES = {"frame_too_large": 1009, "bad_websocket": 1002, "going_away": 1001}
NORMAL_CLOSURE = 1000


class Ping(bytes):
    """A ping's payload; it stands among the messages and is answered with a pong."""


class Pong(bytes):
    """A pong's payload; nothing follows from it."""


# Frames out.


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return a whole message, or a control frame, as one unmasked frame."""
    size = len(payload)
    if size <= SHORT_MAX:
        return bytes((FIN | opcode, size)) + payload
    if size <= LONG_MAX:
        return LONG.pack(FIN | opcode, 126, size) + payload
    return LONGER.pack(FIN | opcode, 127, size) + payload


def pong(payload: bytes) -> bytes:
    """Return the answer to a ping."""
    return frame(Opcode.PONG, payload)


def farewell(goodbye: str) -> bytes:
    """Return the close frame after a goodbye with this code ("": the client closed)."""
    status = CLOSE_CODES.get(goodbye, NORMAL_CLOSURE)
    return frame(Opcode.CLOSE, status.to_bytes(2, "big") + goodbye.encode())


# Frames in.


def unmask(payload: bytes, mask: bytes) -> bytes:
    """Return the payload as it was before the client masked it (or the other way round)."""
    size = len(payload)
    key = (mask * (size // MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class _Head(msgspec.Struct, frozen=True):
    """A frame's header: where the mask begins in the buffer, and where the frame ends."""

    opcode: int
    final: bool
    mask: int
    end: int


class Messages:
    """Puts frames together to messages of one kind, ``opcode``. A framing as ``wire.frames`` has them.

    Pings and pongs stand among the messages, so that they are counted as packets are. A close frame gives
    ``PeerClosed``, a breach of the rules ``bad_websocket``.
    """

    __slots__ = ("_buffer", "_fragments", "_max", "_message", "_opcode")

    def __init__(self, frame_bytes_max: int, opcode: Opcode) -> None:
        self._max = frame_bytes_max
        self._opcode = opcode
        self._buffer = bytearray()
        self._message = bytearray()  # what came of a message in fragments
        self._fragments = 0

    def feed(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        """Take bytes; give the messages that are whole, and what ends the connection after them."""
        self._buffer += data
        messages: list[bytes] = []
        start = 0
        try:
            while (head := self._head_at(start)) is not None and head.end <= len(self._buffer):
                payload = self._payload(head)
                start = head.end
                message = self._control(head, payload) if head.opcode in CONTROL else self._data(head, payload)
                if message is not None:
                    messages.append(message)
        except WireFault as fault:
            return messages, fault
        del self._buffer[:start]
        return messages, None

    def _head_at(self, start: int) -> _Head | None:
        """Read the header of a frame, as soon as its length is known. Raises ``WireFault``."""
        buffer = self._buffer
        if len(buffer) < start + 2:
            return None
        first, second = buffer[start], buffer[start + 1]
        self._check_kind(first, second)
        at, length = start + 2, second & ~MASKED
        if length in LENGTH_FORMS:
            form, too_small = LENGTH_FORMS[length]
            if len(buffer) < at + form.size:
                return None
            (length,) = form.unpack_from(buffer, at)
            at += form.size
            _require(length > too_small, "a length is not written in as few bytes as it can be")
        opcode = first & 0x0F
        if opcode not in CONTROL and len(self._message) + length > self._max:
            raise WireFault("frame_too_large", f"A message may have {self._max} bytes at most.")
        return _Head(opcode, bool(first & FIN), at, at + MASK_BYTES + length)

    def _check_kind(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        _require(not first & RESERVED_BITS, "no extension was agreed to")
        _require(bool(second & MASKED), "a client masks its frames")
        if opcode in CONTROL:
            _require(bool(first & FIN) and second & ~MASKED <= CONTROL_BYTES_MAX, "a control frame is short and whole")
        elif self._fragments:
            _require(opcode == Opcode.CONTINUATION, "a message was not ended before the next one")
            _require(self._fragments < FRAGMENTS_MAX, f"a message has {FRAGMENTS_MAX} fragments at most")
        else:
            _require(opcode == self._opcode, f"messages of this subprotocol are {self._opcode.name.lower()}")

    def _payload(self, head: _Head) -> bytes:
        begin = head.mask + MASK_BYTES
        return unmask(bytes(self._buffer[begin : head.end]), bytes(self._buffer[head.mask : begin]))

    def _control(self, head: _Head, payload: bytes) -> bytes:
        if head.opcode == Opcode.CLOSE:
            raise PeerClosed("hung_up", "The client closes the connection.")
        return Ping(payload) if head.opcode == Opcode.PING else Pong(payload)

    def _data(self, head: _Head, payload: bytes) -> bytes | None:
        if not head.final:
            self._message += payload
            self._fragments += 1
            return None
        if self._fragments:
            payload = bytes(self._message) + payload
            self._message.clear()
            self._fragments = 0
        _require(self._opcode != Opcode.TEXT or _is_utf8(payload), "a text is UTF-8")
        return payload


def _require(kept: bool, rule: str) -> None:
    if not kept:
        raise WireFault("bad_websocket", f"The rules of WebSocket were broken: {rule}.")


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


# The handshake.


def is_upgrade(request: Request) -> bool:
    """Return whether the request asks for a WebSocket."""
    return "websocket" in _tokens(request.headers.get("upgrade", "")) and "upgrade" in _tokens(
        request.headers.get("connection", "")
    )


def accept(request: Request, *, subprotocols: Collection[str], origins: Collection[str]) -> tuple[str, bytes]:
    """Agree to a WebSocket. Returns the subprotocol ("" where the client names none) and the response to send.

    ``origins``: the pages that may connect beside those of this server itself; ``*`` for any. Clients that are no
    browsers name none, and may. Raises ``HttpFault``.
    """
    headers = request.headers
    if headers.get("sec-websocket-version") != VERSION:
        raise HttpFault(426, f"This server speaks version {VERSION} of WebSocket.", {"Sec-WebSocket-Version": VERSION})
    key = headers.get("sec-websocket-key", "")
    if request.method != "GET" or not _is_key(key):
        raise HttpFault(400, "The request is no WebSocket handshake.")
    origin = headers.get("origin", "")
    if not (origin == "" or {ANY_ORIGIN, origin} & {*origins} or is_own_page(request)):
        raise HttpFault(403, f"Pages of {origin} may not connect here (GAMESERVER_WEB_ORIGINS lists those that may).")
    return _agree(key, _chosen(headers.get("sec-websocket-protocol", ""), subprotocols))


def _agree(key: str, subprotocol: str) -> tuple[str, bytes]:
    digest = hashlib.sha1(key.encode() + ACCEPT_SUFFIX, usedforsecurity=False).digest()
    told = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": base64.b64encode(digest).decode()}
    return subprotocol, response_head(101, told | ({"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}))


def _chosen(offered: str, known: Collection[str]) -> str:
    names = [name.strip() for name in offered.split(",") if name.strip()]
    chosen = next((name for name in names if name in known), "")
    if names and not chosen:
        raise HttpFault(400, f"This server speaks {' and '.join(known)}.")
    return chosen


def is_own_page(request: Request) -> bool:
    """Return whether a browser asks for a page that this server has served."""
    origin = request.headers.get("origin", "")
    authority = _authority(origin)
    return authority != "" and authority == request.headers.get("host", "").lower()


def _authority(origin: str) -> str:
    """The host and port of an origin, as a browser writes them in ``Host`` (a balancer may have changed the scheme)."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:  # no browser names such an origin
        return ""
    return parts.netloc.removesuffix(DEFAULT_PORTS.get(parts.scheme, ":"))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _tokens(value: str) -> set[str]:
    return {token.strip().lower() for token in value.split(",")}
