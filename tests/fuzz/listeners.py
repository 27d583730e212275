"""Hostile bytes at every listener of a gateway that runs: lines and MessagePack over TCP, WebSockets and pages, telnet.

    python -m tests.fuzz.listeners PORT WEB_PORT TELNET_PORT --seconds 600 --seed 1

Each connection plays a good client's bytes, spoilt: cut, doubled, shuffled, bits turned, bytes put in, or nothing but
chance; then it closes, half closes, resets, or stops reading. What is sent follows from the seed.
"""

import argparse
import contextlib
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from gameserver.wire.frames import prefix
from gameserver.wire.telnet import Command, Option, request, subnegotiation

AT_ONCE = 24  # connections that are open at a time
PER_S = 60  # connections begun
CHUNKS_MAX = 12
BYTES_MAX = 20_000
RESET = struct.pack("ii", 1, 0)

PACKETS = (
    {"type": "hello", "protocol": 1},
    {"type": "register", "name": "Fuzz", "password": "a long secret", "seq": 1},
    {"type": "login", "name": "Fuzz", "password": "a long secret", "seq": 2},
    {"type": "resume", "token": "x" * 43, "seq": 3, "sent": 9},
    {"type": "move", "dir": "n", "seq": 4},
    {"type": "say", "text": "grüße \N{OWL}", "seq": 5},
    {"type": "ack", "ids": ["a", "b"], "seq": 6},
    {"type": "ping", "t": 7},
    {"type": "logout", "seq": 8},
)
TYPED = (
    b"resume x",
    b"new",
    b"Fuzz",
    b"a long secret",
    b"a long secret",
    b"look",
    b"n",
    b"'hello",
    b"kill 2.rat",
    b"map",
    b"resume",
    b"help",
    b"quit",
)
TOLD = (
    *(request(kind, option) for kind in (Command.WILL, Command.DO, Command.WONT, Command.DONT) for option in Option),
    subnegotiation(Option.NAWS, b"\x00\xff\x00\xff"),
    subnegotiation(Option.TTYPE, b"\x00xterm"),
    subnegotiation(Option.TTYPE, b"\x00MTTS 2047"),
    *(subnegotiation(Option.CHARSET, said) for said in (b"\x02UTF-8", b"\x01;utf-8;x", b"\x01", b"\x03")),
    subnegotiation(Option.GMCP, b'Core.Supports.Set ["Char 1", "Room 1", "Comm 1"]'),
    subnegotiation(Option.GMCP, b"Core.Ping"),
)
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: %s\r\n\r\n"
)
CODECS = (  # of WebSockets: subprotocol, kind of message, encoder
    (b"gameserver.json", 0x01, msgspec.json.encode),
    (b"gameserver.msgpack", 0x02, msgspec.msgpack.encode),
)
FIN, CONTINUED, PING = 0x80, 0x00, 0x89
PAGES = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"\r\nGET http://x:1/events.json?y HTTP/1.1\r\nHost: y\r\nAccept-Encoding: gzip;q=0, *;q=x\r\n\r\n",
    b'GET /main.js HTTP/1.1\r\nHost: [\r\nIf-None-Match: W/"a", *\r\nRange: bytes=0-1\r\n\r\n',
    (UPGRADE % CODECS[0][0]).replace(
        b"\r\n\r\n", b"\r\nOrigin: http://[\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    ),
)


def lines(rng: random.Random) -> list[bytes]:
    """A good client's lines of JSON."""
    return [msgspec.json.encode(packet) + rng.choice((b"\n", b"\r\n")) for packet in PACKETS]


def frames(rng: random.Random) -> list[bytes]:
    """The same in MessagePack."""
    return [prefix(msgspec.msgpack.encode(packet)) for packet in PACKETS]


def typing(rng: random.Random) -> list[bytes]:
    """What a person types, and a MUD client tells beside it."""
    said = [line + b"\r\n" for line in TYPED]
    return [part for line in said for part in (*rng.sample(TOLD, rng.randint(0, 3)), line)]


def pages(rng: random.Random) -> list[bytes]:
    """A browser's requests."""
    return [rng.choice(PAGES) for _ in range(rng.randint(1, 4))]


def messages(rng: random.Random) -> list[bytes]:
    """A browser's WebSocket in one of the codecs, with masked frames, in pieces too, and pings."""
    subprotocol, kind, encode = rng.choice(CODECS)
    found = [UPGRADE % subprotocol]
    for packet in PACKETS:
        data = encode(packet)
        cut = rng.randint(0, len(data))
        pieces = ((kind, data[:cut]), (PING, b"ping"), (FIN | CONTINUED, data[cut:]))
        found += [masked(rng, first, part) for first, part in (((FIN | kind, data),) if rng.random() < 0.7 else pieces)]
    return found


def masked(rng: random.Random, first: int, data: bytes) -> bytes:
    """A frame as clients send it."""
    mask = rng.randbytes(4)
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return bytes((first,)) + size + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


def spoilt(rng: random.Random, parts: list[bytes]) -> bytes:
    """A good client's bytes with some of them spoilt."""
    for _ in range(rng.randint(0, 4)):
        SPOILINGS[rng.randrange(len(SPOILINGS))](rng, parts)
    return b"".join(parts)[:BYTES_MAX]


def _drop(rng: random.Random, parts: list[bytes]) -> None:
    if parts:
        del parts[rng.randrange(len(parts))]


def _double(rng: random.Random, parts: list[bytes]) -> None:
    if parts:
        parts.insert(rng.randrange(len(parts)), rng.choice(parts) * rng.choice((1, 2, 40)))


def _shuffle(rng: random.Random, parts: list[bytes]) -> None:
    rng.shuffle(parts)


def _turn_bits(rng: random.Random, parts: list[bytes]) -> None:
    n = rng.randrange(len(parts)) if parts else -1
    if n >= 0 and parts[n]:
        changed = bytearray(parts[n])
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        parts[n] = bytes(changed)


def _cut(rng: random.Random, parts: list[bytes]) -> None:
    n = rng.randrange(len(parts)) if parts else -1
    if n >= 0:
        parts[n] = parts[n][: rng.randint(0, len(parts[n]))]


def _put_in(rng: random.Random, parts: list[bytes]) -> None:
    parts.insert(rng.randint(0, len(parts)), rng.randbytes(rng.choice((1, 3, 50, 9_000))))


def _nest(rng: random.Random, parts: list[bytes]) -> None:
    parts.insert(rng.randint(0, len(parts)), rng.choice((b"[", b"\x91", b"\xff\xfa", b"{")) * rng.randint(1, 9_000))


SPOILINGS: tuple[Callable[[random.Random, list[bytes]], None], ...] = (
    _drop,
    _double,
    _shuffle,
    _turn_bits,
    _cut,
    _put_in,
    _nest,
)


class Attacker:
    """Plays hostile connections, so many at once. ``counts``: how many of each kind."""

    def __init__(self, ports: dict[str, int], seed: int) -> None:
        self._rng = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._open: list[socket.socket] = []
        self._kinds: dict[str, tuple[int, Callable[[random.Random], list[bytes]]]] = {
            "lines": (ports["player"], lines),
            "frames": (ports["player"], frames),
            "messages": (ports["web"], messages),
            "pages": (ports["web"], pages),
            "telnet": (ports["telnet"], typing),
        }

    def play(self, seconds: float) -> None:
        """Attack for so long."""
        began_s, done = time.monotonic(), 0
        while (now_s := time.monotonic()) < began_s + seconds:
            if done > (now_s - began_s) * PER_S:
                time.sleep(1 / PER_S)  # the processors are for the gateway
                continue
            self.attack_once()
            done += 1
        self.stop()

    def attack_once(self) -> None:
        """One connection more, and an older one less."""
        kind = self._rng.choice(list(self._kinds))
        port, good = self._kinds[kind]
        data = spoilt(self._rng, good(self._rng)) if self._rng.random() < 0.9 else self._rng.randbytes(500)
        self.counts[kind] += 1
        with contextlib.suppress(OSError):
            self._send(port, data)
        if len(self._open) >= AT_ONCE:
            self._end(self._open.pop(self._rng.randrange(len(self._open))))

    def stop(self) -> None:
        """Close what is open."""
        for one in self._open:
            one.close()
        self._open = []

    def _send(self, port: int, data: bytes) -> None:
        one = socket.create_connection(("127.0.0.1", port), timeout=2)
        one.settimeout(0.05)
        self._open.append(one)
        for piece in self._pieces(data):
            one.sendall(piece)
            if self._rng.random() < 0.3:
                one.recv(65_536)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        edges = sorted(self._rng.randint(0, len(data)) for _ in range(self._rng.randint(0, CHUNKS_MAX)))
        for a, b in zip([0, *edges], [*edges, len(data)], strict=True):
            yield data[a:b]

    def _end(self, one: socket.socket) -> None:
        how = self._rng.choice(("closes", "half closes", "resets"))
        self.counts[how] += 1
        with contextlib.suppress(OSError):
            if how == "half closes":
                one.shutdown(socket.SHUT_WR)
                one.recv(65_536)
            elif how == "resets":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.close()


def main() -> None:
    """Attack a gateway, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("player", "web", "telnet"):
        parser.add_argument(name, type=int, help="port")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    attacker = Attacker({name: getattr(given, name) for name in ("player", "web", "telnet")}, given.seed)
    attacker.play(given.seconds)
    print(", ".join(f"{count} {what}" for what, count in sorted(attacker.counts.items())))


if __name__ == "__main__":
    main()
