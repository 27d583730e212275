"""On real sockets: a client that closes its side after its request is answered, told goodbye, and hung up on."""

from collections.abc import Iterator

import msgspec
import pytest

from gateway.net.client_socket import ConnectionLimiter
from gateway.net.player_protocol import PlayerFactory
from tests.unit.gateway.fakes import Stage
from tests.unit.gateway.net.test_transport import Sockets

HELLO = b'{"type":"hello","protocol":1}\n'
LOGIN = b'{"type":"login","name":"ada","password":"a long secret","seq":1}\n'


class HalfClosing(Sockets):
    """A client at a hub; the reactor and the hub's clock are turned by hand."""

    def __init__(self) -> None:
        self.stage = Stage()
        limiter = ConnectionLimiter(self.stage.limits)
        super().__init__(PlayerFactory(self.stage.hub, limiter).buildProtocol(None))

    def say_and_close(self, *packets: bytes) -> None:
        """Send everything, and close this side."""
        self.client.sendall(b"".join(packets))
        self.client.shutdown(1)
        self.turn_until(lambda: self.protocol._client_is_done)  # type: ignore[attr-defined]
        self.stage.clock.advance(0)
        self.stage.clock.advance(0)

    def heard(self) -> list[str]:
        """What came until the server closed: types, and codes where there are any."""
        self.turn_until(lambda: self.lost)
        self.client.settimeout(5)
        data = b"".join(iter(lambda: self.client.recv(65_536), b""))
        packets = [msgspec.json.decode(line) for line in data.splitlines()]
        return [packet.get("code") or packet["type"] for packet in packets]


@pytest.fixture
def sockets() -> Iterator[HalfClosing]:
    made = HalfClosing()
    yield made
    made.close()


def test_who_closes_its_side_after_hello_is_greeted_and_told_goodbye(sockets: HalfClosing):
    sockets.say_and_close(HELLO)
    assert sockets.heard() == ["welcome", "half_closed"]


def test_who_closes_its_side_after_an_event_is_answered_first(sockets: HalfClosing):
    sockets.say_and_close(HELLO, LOGIN)
    sockets.stage.hub.sweep()
    assert not sockets.lost
    (login,) = sockets.stage.broker.take("login")
    sockets.stage.answer(login, code="bad_login")
    sockets.stage.hub.sweep()
    sockets.stage.clock.advance(0)
    assert sockets.heard() == ["welcome", "bad_login", "half_closed"]


def test_who_closes_its_side_and_is_not_answered_does_not_stay_for_ever(sockets: HalfClosing):
    sockets.say_and_close(HELLO, LOGIN)
    sockets.stage.clock.advance(sockets.stage.limits.close_timeout_s + 1)
    sockets.stage.hub.sweep()
    sockets.stage.clock.advance(0)
    assert sockets.heard() == ["welcome", "half_closed"]
    assert sockets.stage.hub.connections == []


def test_who_hangs_up_after_a_goodbye_is_forgotten(sockets: HalfClosing):
    sockets.client.sendall(b"?\n")
    sockets.client.settimeout(5)
    sockets.turn_until(lambda: sockets.stage.hub.connections[0].protocol.closed)
    assert b"unknown_codec" in sockets.client.recv(1_000)
    sockets.client.close()
    sockets.turn_until(lambda: sockets.lost)
    assert sockets.stage.hub.connections == []
