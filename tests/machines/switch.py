"""``python -m tests.machines.switch INTERFACE...``: carries frames between interfaces, late, or not at all.

It is told what to do by lines of JSON on its standard input, each of which replaces the one before. A kernel has a
discipline for this (netem), where it was built with it; this needs raw sockets alone. Interface n belongs to the
machine whose hardware address ends with n + 1.
"""

import heapq
import os
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

ETH_P_ALL = 3
OUTGOING = 4  # what we have sent ourselves is shown to us again
FRAME_BYTES_MAX = 65_600
AT_ONCE = 64
GROUP = 1  # the bit of a hardware address that many have


class Rules(msgspec.Struct, frozen=True):
    """How frames travel: so late, so many lost, and none from the first to the second of the pairs in ``cut``."""

    latency_s: float = 0.0
    loss: float = 0.0
    cut: tuple[tuple[int, int], ...] = ()


class Switch:
    """Frames on their way. ``rng`` decides which are lost."""

    def __init__(self, ports: int, rng: Random) -> None:
        self._ports = ports
        self._rng = rng
        self._due: list[tuple[float, int, int, bytes]] = []  # when, the how manieth, to which port, what
        self._count = 0
        self._cut: frozenset[tuple[int, int]] = frozenset()
        self._rules = Rules()

    def obey(self, rules: Rules) -> None:
        """Treat what comes from now on in this way."""
        self._rules, self._cut = rules, frozenset(rules.cut)

    def take(self, port: int, frame: bytes, now_s: float) -> None:
        """Take a frame from a machine."""
        for to in self._receivers(port, frame):
            if (port, to) not in self._cut and self._rng.random() >= self._rules.loss:
                self._count += 1
                heapq.heappush(self._due, (now_s + self._rules.latency_s, self._count, to, frame))

    def _receivers(self, port: int, frame: bytes) -> Iterator[int]:
        if frame[0] & GROUP:
            yield from (other for other in range(self._ports) if other != port)
        elif (to := frame[5] - 1) in range(self._ports):
            yield to

    def due(self, now_s: float) -> Iterator[tuple[int, bytes]]:
        """Give what arrives by now."""
        while self._due and self._due[0][0] <= now_s:
            _, _, to, frame = heapq.heappop(self._due)
            yield to, frame

    def wait_s(self, now_s: float) -> float | None:
        """How long nothing arrives."""
        return max(0.0, self._due[0][0] - now_s) if self._due else None


def main(names: Sequence[str]) -> None:
    """Carry frames until standard input ends."""
    sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) for _ in names]
    for each, name in zip(sockets, names, strict=True):
        each.bind((name, 0))
        each.setblocking(False)
    switch, poll, orders = Switch(len(names), Random(0)), select.epoll(), sys.stdin.fileno()
    by_number = {each.fileno(): port for port, each in enumerate(sockets)}
    for number in (orders, *by_number):
        poll.register(number, select.EPOLLIN)
    print("carrying", flush=True)
    text = b""
    while True:
        wait_s = switch.wait_s(time.monotonic())
        for number, _ in poll.poll(-1 if wait_s is None else wait_s):
            if number != orders:
                _take_all(switch, sockets, by_number[number])
                continue
            said = os.read(orders, FRAME_BYTES_MAX)
            if not said:
                return
            *lines, text = (text + said).split(b"\n")
            for line in lines:
                switch.obey(msgspec.json.decode(line, type=Rules))
        for to, frame in switch.due(time.monotonic()):
            _send(sockets[to], frame)


def _take_all(switch: Switch, sockets: Sequence[socket.socket], port: int) -> None:
    for _ in range(AT_ONCE):
        try:
            frame, where = sockets[port].recvfrom(FRAME_BYTES_MAX)
        except OSError:  # nothing more, or the interface is down
            return
        if where[2] != OUTGOING:
            switch.take(port, frame, time.monotonic())


def _send(to: socket.socket, frame: bytes) -> None:
    try:
        to.send(frame)
    except OSError:  # its queue is full: frames get lost
        return


if __name__ == "__main__":
    main(sys.argv[1:])
