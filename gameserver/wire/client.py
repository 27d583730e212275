"""The client's side of a connection, without I/O: packets in MessagePack or JSON, given and taken as plain maps.

The mirror of ``server``, for client libraries, bots and tests.
"""

from typing import Any, Literal

import msgspec

from gameserver.wire.frames import Framing, Lines, Prefixed, prefix

SERVER_FRAME_BYTES_MAX = 2**20


_json_map = msgspec.json.Decoder(dict[str, Any]).decode
_msgpack_map = msgspec.msgpack.Decoder(dict[str, Any]).decode


class ClientConnection:
    """``codec``: "msgpack" or "json"."""

    def __init__(self, codec: Literal["msgpack", "json"] = "msgpack") -> None:
        self.fault: Exception | None = None
        self._json = codec == "json"
        self._framing: Framing = (Lines if self._json else Prefixed)(SERVER_FRAME_BYTES_MAX)

    def encode(self, packet: dict[str, Any]) -> bytes:
        """The bytes to send for a packet."""
        return msgspec.json.encode(packet) + b"\n" if self._json else prefix(msgspec.msgpack.encode(packet))

    def receive(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes; give the packets that are whole. What breaks the stream after them is kept in ``fault``."""
        frames, broken = self._framing.feed(data)
        fault: Exception | None = broken
        decode = _json_map if self._json else _msgpack_map
        packets = []
        for frame in frames if self.fault is None else ():
            try:
                packets.append(decode(frame))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                fault = error
                break
        self.fault = self.fault or fault
        return packets
