"""On real sockets: what a line writes arrives whole and in order, and a goodbye is read by who was still talking."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor

from gateway.net.transport import Transport


class Sockets:
    """A listening reactor that is turned by hand, and one client."""

    def __init__(self, protocol: Protocol | None = None) -> None:
        self.reactor: Any = SelectReactor()
        self.reactor.startRunning(installSignalHandlers=False)
        self.protocol = protocol or Protocol()
        self.lost: list[Any] = []
        ended = self.protocol.connectionLost
        self.protocol.connectionLost = lambda reason: (ended(reason), self.lost.append(reason))  # type: ignore
        factory = Factory.forProtocol(lambda: self.protocol)
        factory.noisy = False
        self.port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.client = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        self.turn_until(lambda: self.protocol.connected)
        self.line = Transport(self.protocol.transport)

    def turn_until(self, condition: Callable[[], Any]) -> None:
        for _ in range(2_000):
            if condition():
                return
            self.reactor.iterate(0.01)
        raise AssertionError("the condition was not met")

    def close(self) -> None:
        self.client.close()
        self.turn_until(lambda: self.lost)
        self.port.stopListening()
        self.reactor.iterate(0)
        self.reactor.fireSystemEvent("shutdown")
        self.reactor.iterate(0)
        self.reactor.removeAll()
        for fd in self.reactor._internalReaders:
            fd.connectionLost(None)


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.close()


def test_what_is_written_is_there_before_the_reactor_turns_again(sockets: Sockets):
    sockets.line.write(b"hello")
    sockets.client.settimeout(5)
    assert sockets.client.recv(100) == b"hello"


def test_what_the_kernel_does_not_take_at_once_arrives_later_and_in_order(sockets: Sockets):
    pieces = [bytes([n]) * 300_000 for n in range(60)]
    for piece in pieces:
        sockets.line.write(piece)
    sockets.client.setblocking(False)
    got = bytearray()

    def read() -> bool:
        with suppress(BlockingIOError):
            got.extend(sockets.client.recv(1 << 20))
        return len(got) == 60 * 300_000

    sockets.turn_until(read)
    assert bytes(got) == b"".join(pieces)
    sockets.line.write(b"and on")
    sockets.client.setblocking(True)
    sockets.client.settimeout(5)
    assert sockets.client.recv(100) == b"and on"


def test_who_was_still_talking_can_read_the_goodbye(sockets: Sockets):
    sockets.protocol.transport.stopReading()
    sockets.client.sendall(b"chatter " * 1_000)
    sockets.line.write(b"bye")
    sockets.line.finish()
    sockets.reactor.iterate(0.01)
    sockets.protocol.transport.startReading()
    assert sockets.client.recv(100) == b"bye"
    assert sockets.client.recv(100) == b""
    assert not sockets.lost
    sockets.line.hang_up()
    assert sockets.lost
