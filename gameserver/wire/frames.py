"""Cutting a byte stream into frames.

Two framings, told apart by the stream's first byte: lines of JSON (for a person with a terminal), and MessagePack
behind a 4-byte big-endian length (for programs; lengths stay below 2**24, so that the first byte is always 0).
"""

import struct
from typing import Protocol

from gameserver.wire.errors import WireFault

LENGTH = struct.Struct(">I")
FIRST_OF_LINES = frozenset(b"{ \t\r\n")
FIRST_OF_PREFIXED = 0


class Framing(Protocol):
    """Collects bytes and gives out whole frames. Holds at most one unfinished frame of the allowed size."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, give the frames that are whole. Raises ``WireFault`` ``frame_too_large``."""
        ...


class Lines:
    """Frames that end with a newline; empty lines are skipped."""

    def __init__(self, frame_bytes_max: int) -> None:
        self._max = frame_bytes_max
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest
        frames = [line.strip() for line in whole]
        if any(len(frame) > self._max for frame in frames) or len(rest) > self._max:
            raise _too_large(self._max)
        return [frame for frame in frames if frame]


class Prefixed:
    """Frames behind their length."""

    def __init__(self, frame_bytes_max: int) -> None:
        self._max = frame_bytes_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        frames = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            frames.append(bytes(self._buffer[start + LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return frames

    def _end_of_frame(self, start: int) -> int | None:
        if len(self._buffer) < start + LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._buffer, start)
        if length > self._max:
            raise _too_large(self._max)
        end: int = start + LENGTH.size + length
        return end if len(self._buffer) >= end else None


def _too_large(limit: int) -> WireFault:
    return WireFault("frame_too_large", f"A frame may have {limit} bytes at most.")


def prefix(body: bytes) -> bytes:
    """A frame of the prefixed framing."""
    return LENGTH.pack(len(body)) + body
