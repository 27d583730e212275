"""Telnet without I/O: cut a stream into lines and commands, and agree on options.

Sources: RFC 854 (commands), 855 and 1143 (options), 857 (ECHO), 885 (EOR), 1073 (NAWS), 1091 (terminal type), 2066
(CHARSET), and what clients of MUDs add: MTTS, MSSP, MCCP2, GMCP (https://tintin.mudhalla.net/protocols/).
"""

import struct
import zlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from gameserver.wire.errors import WireFault

IAC = 255


class Command(IntEnum):
    """What may follow IAC."""

    EOR = 239
    SE = 240
    NOP = 241
    AYT = 246
    GA = 249
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


class Option(IntEnum):
    """The options that are spoken of here."""

    ECHO = 1
    TIMING_MARK = 6
    TTYPE = 24
    EOR = 25
    NAWS = 31
    CHARSET = 42
    MSSP = 70
    MCCP2 = 86
    GMCP = 201


REQUESTS = frozenset((Command.WILL, Command.WONT, Command.DO, Command.DONT))
OURS = (Option.EOR, Option.CHARSET, Option.MSSP, Option.GMCP, Option.MCCP2)  # what we offer to do
THEIRS = (Option.NAWS, Option.TTYPE)  # what we ask clients to do
SEND, IS = 1, 0  # of TTYPE
VAR, VAL = 1, 2  # of MSSP
REQUEST, ACCEPTED, REJECTED = 1, 2, 3  # of CHARSET
UTF8 = "UTF-8"
CHARSETS = (UTF8, "ISO-8859-1")  # in the order in which we like them
TYPES_MAX = 3  # a client's name, its terminal's, and MTTS
SIZE = struct.Struct(">HH")

# A connection's compressor: a window of 4 KiB and little memory, as text needs no more (48 KB instead of 256).
LEVEL, WINDOW_BITS, MEMORY_LEVEL = 6, 12, 5


def escaped(data: bytes) -> bytes:
    """The data as it travels: an IAC in it is doubled."""
    return data.replace(b"\xff", b"\xff\xff")


def request(command: Command, option: int) -> bytes:
    """A request or answer about an option."""
    return bytes((IAC, command, option))


def subnegotiation(option: int, data: bytes) -> bytes:
    """What an option says beside being on."""
    return bytes((IAC, Command.SB, option)) + escaped(data) + bytes((IAC, Command.SE))


COMPRESSION_BEGINS = subnegotiation(Option.MCCP2, b"")
ARE_YOU_THERE = bytes((IAC, Command.DO, Option.TIMING_MARK))  # which every client answers (RFC 860)
NOTHING = bytes((IAC, Command.NOP))
MARKS = {True: bytes((IAC, Command.EOR)), False: bytes((IAC, Command.GA))}  # after a prompt, by whether EOR is on


class TelnetFraming:
    """Lines and commands. A frame is a line without its end, in which IAC stays doubled, or a command from its IAC on.

    A line ends with LF, CR, CR LF or CR NUL; empty ones are given too.
    """

    __slots__ = ("_after_cr", "_command", "_line", "_max")

    def __init__(self, frame_bytes_max: int) -> None:
        self._max = frame_bytes_max
        self._line = b""  # what came of the line
        self._command = b""  # what came of the command
        self._after_cr = False

    def feed(self, data: bytes) -> tuple[list[bytes], WireFault | None]:
        """Take bytes; give the frames that are whole, and ``frame_too_large`` if one is."""
        frames: list[bytes] = []
        data, self._command = self._command + data, b""
        at = 0
        while at < len(data):
            start = data.find(b"\xff", at)
            self._take_text(data[at:] if start < 0 else data[at:start], frames)
            if start < 0:
                break
            size = command_size(data, start)
            if not size:
                self._command = data[start:]
                break
            self._take_command(data[start : start + size], frames)
            at = start + size
        fit = [frame for frame in frames if len(frame) <= self._max]
        broken = len(fit) < len(frames) or len(self._line) > self._max or len(self._command) > self._max
        return fit, WireFault("frame_too_large", f"A line may have {self._max} bytes at most.") if broken else None

    def _take_command(self, command: bytes, frames: list[bytes]) -> None:
        if command[1] == IAC:
            self._after_cr = False
            self._line += command
        else:
            frames.append(command)

    def _take_text(self, text: bytes, frames: list[bytes]) -> None:
        if not text:
            return
        if self._after_cr and text[:1] in (b"\n", b"\x00"):
            text = text[1:]
        self._after_cr = text.endswith(b"\r")
        text = text.replace(b"\r\n", b"\n").replace(b"\r\x00", b"\n").replace(b"\r", b"\n")
        *whole, self._line = (self._line + text).split(b"\n")
        frames += whole


def command_size(data: bytes, start: int) -> int:
    """How many bytes the command has that begins here; 0 while there is not all of it."""
    if len(data) < start + 2:
        return 0
    kind = data[start + 1]
    if kind in REQUESTS:
        return 3 if len(data) >= start + 3 else 0
    if kind != Command.SB:
        return 2
    end = start + 2
    while (end := data.find(b"\xff", end)) >= 0 and end + 1 < len(data):
        if data[end + 1] == Command.SE:
            return end + 2 - start
        end += 2
    return 0


class Options:
    """What both sides have agreed on, and what the client has told of itself.

    ``on``: options that are on, ours and theirs. ``size``: columns and rows, 0 while not known. ``charset``: one of
    ``CHARSETS``, "" while none was agreed on. ``types``: what it said of its terminal. ``gmcp``: the packages that it
    wants, in small letters.
    """

    def __init__(self) -> None:
        self.on: set[int] = set()
        self.size = (0, 0)
        self.charset = ""
        self.types: list[str] = []
        self._asked: set[int] = set()

    @property
    def mtts(self) -> int:
        """The terminal's abilities as MTTS tells them: 1 ANSI colours, 4 UTF-8, 8 256 colours."""
        words = self.types[-1].split() if self.types else []
        return int(words[1]) if len(words) == 2 and words[0] == "MTTS" and words[1].isdecimal() else 0

    def begin(self) -> bytes:
        """Offer and ask for everything."""
        self._asked.update(OURS, THEIRS)
        offers = (request(Command.WILL, option) for option in OURS)
        wishes = (request(Command.DO, option) for option in THEIRS)
        return b"".join((*wishes, *offers))

    def show_typing(self, shown: bool) -> bytes:
        """Have the client show what is typed, or not: who echoes shows it, and we say that we do and don't."""
        return request(Command.WONT if shown else Command.WILL, Option.ECHO)

    def take(self, frame: bytes, about: Mapping[str, str]) -> bytes:
        """Take a command; give the answer to it. ``about``: the server, for MSSP."""
        kind = frame[1]
        if kind == Command.SB:
            return self._subnegotiated(frame[2], frame[3:-2].replace(b"\xff\xff", b"\xff"))
        if kind in REQUESTS:
            return self._requested(Command(kind), frame[2], about)
        return b"\r\n[Yes]\r\n" if kind == Command.AYT else b""

    def _requested(self, kind: Command, option: int, about: Mapping[str, str]) -> bytes:
        if option in (Option.ECHO, Option.TIMING_MARK) and kind != Command.DO:
            return b""  # it answers what we said
        if option == Option.ECHO:
            return b""
        known, yes, no = (
            (THEIRS, Command.DO, Command.DONT) if kind in _OF_CLIENT else (OURS, Command.WILL, Command.WONT)
        )
        asked = option in self._asked
        self._asked.discard(option)
        if kind in (Command.WONT, Command.DONT):
            was_on = option in self.on
            self.on.discard(option)
            return request(no, option) if was_on else b""
        if option not in known:
            return request(no, option)
        if option in self.on:
            return b""
        self.on.add(option)
        return (b"" if asked else request(yes, option)) + self._begun(option, about)

    def _begun(self, option: int, about: Mapping[str, str]) -> bytes:
        """What follows when an option comes on."""
        if option == Option.TTYPE:
            return subnegotiation(Option.TTYPE, bytes((SEND,)))
        if option == Option.CHARSET:
            return subnegotiation(Option.CHARSET, bytes((REQUEST,)) + "".join(f";{c}" for c in CHARSETS).encode())
        if option == Option.MSSP:
            told = (b"\x01" + name.encode() + b"\x02" + value.encode() for name, value in about.items())
            return subnegotiation(Option.MSSP, b"".join(told))
        return COMPRESSION_BEGINS if option == Option.MCCP2 else b""

    def _subnegotiated(self, option: int, data: bytes) -> bytes:
        if option == Option.NAWS and len(data) == SIZE.size:
            width, height = SIZE.unpack(data)
            self.size = (width, height)
        if option == Option.TTYPE and data[:1] == bytes((IS,)) and Option.TTYPE in self.on:
            return self._take_type(data[1:41].decode("ascii", "replace"))
        return self._take_charset(data) if option == Option.CHARSET and option in self.on else b""

    def _take_charset(self, data: bytes) -> bytes:
        """Note which one of ours the client takes, or take one of those that it asks for."""
        kind, text = data[:1], data[1:].decode("ascii", "replace").upper()
        if kind == bytes((ACCEPTED,)):
            self.charset = text if text in CHARSETS else self.charset
        if kind != bytes((REQUEST,)):
            return b""
        offered = text[1:].split(text[0]) if text else []
        chosen = next((charset for charset in CHARSETS if charset in offered), "")
        self.charset = chosen or self.charset
        return subnegotiation(Option.CHARSET, bytes((ACCEPTED if chosen else REJECTED,)) + chosen.encode())

    def _take_type(self, name: str) -> bytes:
        """Note what the client says of its terminal, and ask for more while it has more to say."""
        new = name not in self.types and len(self.types) < TYPES_MAX
        if not new:
            return b""
        self.types.append(name)
        more = len(self.types) < TYPES_MAX
        return subnegotiation(Option.TTYPE, bytes((SEND,))) if more else b""


_OF_CLIENT = frozenset((Command.WILL, Command.WONT))


class Compression:
    """The way out of a connection: as it is, and compressed from the point on at which compression begins."""

    __slots__ = ("_compressor",)

    def __init__(self) -> None:
        self._compressor: Any = None  # of zlib

    def feed(self, data: bytes) -> bytes:
        """The bytes to write. (IAC is doubled in all text, so what begins compression is nothing else.)"""
        if self._compressor is not None:
            compressed: bytes = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
            return compressed
        plain, begins, rest = data.partition(COMPRESSION_BEGINS)
        if not begins:
            return data
        self._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
        return plain + begins + (self.feed(rest) if rest else b"")
