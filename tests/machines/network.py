"""Machines as network namespaces: an address each, a switch between all, and ports that lead to services outside.

It needs root, and ``ip``. Names have the pid of the test run in them, and all is removed at the end.
"""

import array
import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from gameserver.local.processes import tethered
from tests.machines.switch import Rules

T = TypeVar("T")

NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
CHECKSUMS, SEGMENTS, GENERIC = 0x17, 0x1F, 0x24  # what the kernel leaves to a card, and this switch is none
NET = "10.77.0"
CHUNK_BYTES = 65_536


def possible() -> bool:
    """Whether namespaces can be made here."""
    probe = f"gs{os.getpid()}p"
    made = os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        _ip("netns", "del", probe)
    return made


class Machine:
    """A machine: its name, its address, and how something is run on it."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.address = f"{NET}.{number + 1}"
        self.namespace = f"gs{os.getpid()}-{number}"
        self.outside = f"gs{os.getpid() % 100_000}o{number}"

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs another one here."""
        return ("ip", "netns", "exec", self.namespace, *words)

    def do(self, work: Callable[[], T]) -> T:
        """Do something in a thread that is on this machine."""
        done: list[T] = []

        def there() -> None:
            with (NAMESPACES / self.namespace).open() as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            done.append(work())

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        return done[0]

    def make(self) -> None:
        """Make it, with one cable."""
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.outside, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _ip("link", "set", self.outside, "up")
        inside = ("-n", self.namespace)
        _ip(*inside, "link", "set", "eth0", "address", f"02:00:00:00:00:{self.number + 1:02x}")
        _ip(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        for name in ("lo", "eth0"):
            _ip(*inside, "link", "set", name, "up")
        self.do(_leave_nothing_to_the_card)

    def remove(self) -> None:
        """Remove it."""
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _leave_nothing_to_the_card() -> None:
    for what in (CHECKSUMS, SEGMENTS, GENERIC):
        value = array.array("I", [what, 0])
        request = struct.pack("16sP16x", b"eth0", value.buffer_info()[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)


class Network:
    """Machines and the switch between them."""

    def __init__(self, names: Sequence[str], switch: "subprocess.Popen[bytes]", machines: Sequence[Machine]) -> None:
        self._switch = switch
        self._machines = dict(zip(names, machines, strict=True))

    def __getitem__(self, name: str) -> Machine:
        return self._machines[name]

    def obey(self, latency_s: float = 0.0, loss: float = 0.0, cut: Sequence[tuple[str, str]] = ()) -> None:
        """Change how frames travel. ``cut``: none from the first to the second, "*" for everybody else."""
        pairs = tuple(pair for one, other in cut for pair in self._pairs(one, other))
        assert self._switch.stdin is not None
        self._switch.stdin.write(msgspec.json.encode(Rules(latency_s, loss, pairs)) + b"\n")
        self._switch.stdin.flush()

    def _pairs(self, one: str, other: str) -> Iterator[tuple[int, int]]:
        ones, others = self._numbers(one), self._numbers(other)
        yield from ((a, b) for a in ones for b in others if a != b)

    def _numbers(self, name: str) -> list[int]:
        return [m.number for m in self._machines.values()] if name == "*" else [self._machines[name].number]


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Make machines with these names within the block."""
    machines = [Machine(name, number) for number, name in enumerate(names)]
    try:
        for machine in machines:
            machine.make()
        command = (sys.executable, "-m", "tests.machines.switch", *(machine.outside for machine in machines))
        with subprocess.Popen(tethered(command, "KILL"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as switch:
            assert switch.stdout is not None
            assert switch.stdout.readline() == b"carrying\n"
            try:
                yield Network(names, switch, machines)
            finally:
                switch.kill()
    finally:
        for machine in machines:
            machine.remove()


class Service:
    """A port of a machine that leads to a service outside: a TCP port of this machine's own, or a Unix socket."""

    def __init__(self, machine: Machine, port: int, to: int | str) -> None:
        self._to = to
        self._listening = machine.do(lambda: socket.create_server((machine.address, port), backlog=1_000))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"service of {machine.name}")
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accepted, sock=self._listening))
        self._loop.run_forever()
        self._loop.run_until_complete(self._hang_up())

    async def _hang_up(self) -> None:
        """End all that is passed on."""
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for each in passing:
            each.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._to, str):
                far_reader, far_writer = await asyncio.open_unix_connection(self._to)
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):  # the service is stopped
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))

    def stop(self) -> None:
        """Serve nobody any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK_BYTES):
            sink.write(data)
            await sink.drain()
    sink.close()
