import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gameserver.limits import Limits
from gameserver.runtime.logging import Seldom
from gateway.net import client_socket
from gateway.net.client_socket import ConnectionLimiter, host_of
from gateway.net.player_protocol import PlayerFactory
from tests.unit.gateway.fakes import Stage

LIMITS = Limits(connections_max=3, connections_per_address_max=2)


def test_so_many_are_let_in_per_address():
    limiter = ConnectionLimiter(LIMITS)
    assert [limiter.enter("a"), limiter.enter("a"), limiter.enter("a")] == [True, True, False]
    assert limiter.enter("b")


def test_so_many_are_let_in_altogether():
    limiter = ConnectionLimiter(LIMITS)
    assert [limiter.enter(address) for address in "abcd"] == [True, True, True, False]
    assert limiter.inside == 3


def test_who_leaves_makes_room_and_is_forgotten():
    limiter = ConnectionLimiter(LIMITS)
    for address in "aab":
        limiter.enter(address)
    limiter.leave("a")
    limiter.leave("a")
    assert limiter.inside == 1
    assert limiter.enter("a")
    limiter.leave("a")
    limiter.leave("b")
    assert limiter._by_address == {}


class Sockets:
    """A factory of protocols, and connections to it."""

    def __init__(self) -> None:
        self.stage = Stage(connections_max=3, connections_per_address_max=2)
        self.limiter = ConnectionLimiter(self.stage.limits)
        self.direct = PlayerFactory(self.stage.hub, self.limiter)
        self.introduced = PlayerFactory(self.stage.hub, self.limiter, introduced=True)

    def connect(self, host: str = "10.0.0.1"):
        protocol = self.direct.buildProtocol(IPv4Address("TCP", host, 1))
        protocol.makeConnection(StringTransport())
        return protocol


def test_an_address_of_ipv4_is_the_same_on_an_endpoint_of_both_families():
    hosts = [host_of(IPv6Address("TCP", host, 1)) for host in ("::ffff:10.0.0.1", "2001:db8::1", "::ffff:0:1")]
    assert hosts == ["10.0.0.1", "2001:db8::1", "::ffff:0:1"]
    assert host_of(IPv4Address("TCP", "10.0.0.1", 1)) == "10.0.0.1"


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


def test_one_connection_too_many_from_an_address_is_closed_and_counts_for_nothing(sockets: Sockets):
    first, _, third = (sockets.connect() for _ in range(3))
    assert third.transport.disconnecting
    assert len(sockets.stage.hub.connections) == 2
    third.dataReceived(b'{"type":"ping"}\n')
    third.connectionLost(Failure(ConnectionDone()))
    assert sockets.connect().transport.disconnecting
    first.connectionLost(Failure(ConnectionDone()))
    assert not sockets.connect().transport.disconnecting


def test_bytes_go_in_and_packets_come_out(sockets: Sockets):
    protocol = sockets.connect()
    protocol.dataReceived(b'{"type":"hello","protocol":1}\n')
    sockets.stage.clock.advance(1)
    assert b'"type":"welcome"' in protocol.transport.value()


def test_a_transport_that_is_full_pauses_the_session_until_it_is_empty(sockets: Sockets):
    protocol = sockets.connect()
    assert protocol.transport.streaming
    protocol.pauseProducing()
    protocol.dataReceived(b'{"type":"hello","protocol":1}\n')
    sockets.stage.clock.advance(1)
    assert protocol.transport.value() == b""
    protocol.resumeProducing()
    assert b'"type":"welcome"' in protocol.transport.value()


def behind_a_proxy(sockets: Sockets, header: bytes):
    """A connection that a load balancer opened for somebody."""
    protocol = sockets.introduced.buildProtocol(IPv4Address("TCP", "10.9.9.9", 1))
    protocol.makeConnection(StringTransport())
    protocol.dataReceived(header)
    return protocol


def introduction(host: str) -> bytes:
    return b"PROXY TCP4 %s 10.9.9.9 1234 4000\r\n" % host.encode()


def test_behind_a_load_balancer_the_clients_own_address_counts(sockets: Sockets):
    for _ in range(2):
        behind_a_proxy(sockets, introduction("10.0.0.1") + b"\n")
    third = behind_a_proxy(sockets, introduction("10.0.0.1") + b"\n")
    assert third.transport.disconnected
    assert sockets.stage.hub.meters.disconnects["full"] == 1
    third.connectionLost(Failure(ConnectionDone()))
    other = behind_a_proxy(sockets, introduction("10.0.0.2") + b'{"type":"hello","protocol":1}\n')
    sockets.stage.clock.advance(1)
    assert b'"type":"welcome"' in other.transport.value()
    assert sockets.limiter._by_address == {"10.0.0.1": 2, "10.0.0.2": 1}


def test_who_was_not_introduced_yet_counts_for_all_but_for_no_address(sockets: Sockets):
    waiting = [behind_a_proxy(sockets, b"") for _ in range(3)]
    assert len(sockets.stage.hub.connections) == 3
    assert behind_a_proxy(sockets, b"").transport.disconnecting
    for protocol in waiting:
        protocol.connectionLost(Failure(ConnectionDone()))
    assert sockets.limiter._by_address == {}


def test_a_lost_connection_is_no_session_any_more(sockets: Sockets):
    sockets.connect().connectionLost(Failure(ConnectionDone()))
    assert sockets.stage.hub.connections == []


def test_there_is_one_bound_for_all_endpoints_of_a_gateway(sockets: Sockets):
    sockets.connect("10.0.0.1")
    sockets.connect("10.0.0.2")
    behind_a_proxy(sockets, introduction("10.0.0.3"))
    assert sockets.connect("10.0.0.4").transport.disconnecting
    assert sockets.stage.hub.meters.disconnects["full"] == 1


def test_an_introduction_may_come_byte_by_byte(sockets: Sockets):
    protocol = behind_a_proxy(sockets, b"")
    for byte in introduction("10.0.0.1") + b'{"type":"hello","protocol":1}\n':
        protocol.dataReceived(bytes([byte]))
    sockets.stage.clock.advance(1)
    assert b'"type":"welcome"' in protocol.transport.value()
    assert sockets.limiter._by_address == {"10.0.0.1": 1}


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])
def test_a_balancers_own_connection_counts_as_the_balancers(sockets: Sockets, header: bytes):
    behind_a_proxy(sockets, header)
    assert sockets.limiter._by_address == {"10.9.9.9": 1}


def test_what_is_no_introduction_is_cut_off_counted_and_logged(
    sockets: Sockets, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client_socket, "unread", Seldom(client_socket.log))
    protocol = behind_a_proxy(sockets, b'{"type":"hello","protocol":1}\n')
    assert protocol.transport.disconnected
    assert sockets.stage.hub.meters.disconnects["bad_proxy_header"] == 1
    assert "10.9.9.9 was cut off" in caplog.text
