"""Cutting a byte stream into frames.

Two framings, told apart by the stream's first byte: lines of JSON (for a person with a terminal), and MessagePack
behind a 4-byte big-endian length (for programs; lengths stay below 2**24, so that the first byte is always 0).
"""

import struct
from itertools import takewhile
from typing import Protocol

from gameserver.wire.errors import WireFault

LENGTH = struct.Struct(">I")
FIRST_OF_LINES = frozenset(b"{ \t\r\n")
FIRST_OF_PREFIXED = 0
CR, LF = b"\r", b"\n"


class Framing(Protocol):
    """Collects bytes and gives out whole frames. Holds at most one unfinished frame of the allowed size."""

    def feed(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        """Take bytes; give the frames that are whole, and ``frame_too_large`` if what follows them is."""
        ...


class Lines:
    """Frames that end with LF, CR or both, as terminals send them; empty lines are skipped."""

    __slots__ = ("_max", "_rest")

    def __init__(self, frame_bytes_max: int) -> None:
        self._max = frame_bytes_max
        self._rest = b""

    def feed(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        if CR in data:
            data = data.replace(CR, LF)
        *whole, self._rest = (self._rest + data).split(LF)
        fit = list(takewhile(lambda line: len(line) <= self._max, whole))
        broken = len(fit) < len(whole) or len(self._rest) > self._max
        return [line for raw in fit if (line := raw.strip())], _too_large(self._max) if broken else None


class Prefixed:
    """Frames behind their length."""

    __slots__ = ("_buffer", "_max")

    def __init__(self, frame_bytes_max: int) -> None:
        self._max = frame_bytes_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        if not self._buffer and LENGTH.size < len(data) == LENGTH.size + LENGTH.unpack_from(data)[0] <= self._max:
            return [data[LENGTH.size :]], None  # one whole frame, as it mostly is
        self._buffer += data
        frames = []
        start = 0
        while (length := self._length_at(start)) is not None and length <= self._max:
            end = start + LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[start + LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return frames, _too_large(self._max) if length is not None and length > self._max else None

    def _length_at(self, start: int) -> int | None:
        if len(self._buffer) < start + LENGTH.size:
            return None
        length: int = LENGTH.unpack_from(self._buffer, start)[0]
        return length


def _too_large(limit: int) -> WireFault:
    return WireFault("frame_too_large", f"A frame may have {limit} bytes at most.")


def prefix(body: bytes) -> bytes:
    """A frame of the prefixed framing."""
    return LENGTH.pack(len(body)) + body
