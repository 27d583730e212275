"""How a connection to the broker ends. How it begins needs a real broker: tests/integration."""

import logging

import pika
import pytest
from OpenSSL.SSL import Error as SSLError
from pika.exceptions import AMQPHeartbeatTimeout, ConnectionClosedByBroker
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from gameserver.broker.handshake import HUNG_UP, NO_TLS
from gameserver.runtime.logging import Seldom
from gateway.amqp.failover import CONNECT_S_MAX, HANG_UP_S, BrokerProtocol, FailoverEndpoint, why_refused


class Transport(StringTransport):
    """A way to a broker that says nothing, over which one may be cut off."""

    aborted = False

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted = True


def hung_up() -> tuple[Clock, BrokerProtocol, Transport]:
    """A connection that pika has just given up."""
    clock, transport = Clock(), Transport()
    protocol = BrokerProtocol(pika.URLParameters("amqp://a//"), clock)
    protocol.ready.addErrback(lambda failure: None)
    protocol.makeConnection(transport)
    assert transport.value() == b"AMQP\0\0\x09\x01"
    protocol._impl._terminate_stream(AMQPHeartbeatTimeout("nothing was heard"))
    assert transport.disconnecting
    return clock, protocol, transport


def test_a_broker_that_does_not_hang_up_is_cut_off() -> None:
    clock, _, transport = hung_up()
    clock.advance(HANG_UP_S / 2)
    assert not transport.aborted
    clock.advance(HANG_UP_S)
    assert transport.aborted


def test_a_broker_that_hangs_up_is_not_cut_off() -> None:
    clock, protocol, transport = hung_up()
    protocol.connectionLost(Failure(ConnectionDone()))
    clock.advance(2 * HANG_UP_S)
    assert not transport.aborted
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionClosedByBroker(403, "ACCESS_REFUSED - Login was refused"), "ACCESS_REFUSED - Login was refused"),
        (AMQPHeartbeatTimeout("nothing was heard"), "AMQPHeartbeatTimeout: ('nothing was heard',)"),
        (defer.TimeoutError(), "it did not shake hands within 5 seconds"),
        (ConnectionDone(), HUNG_UP),
        (
            SSLError([("SSL routines", "", "wrong version number")]),
            f"{NO_TLS} (Error([('SSL routines', '', 'wrong version number')]))",
        ),
    ],
)
def test_why_a_broker_does_not_let_in_is_said(error: Exception, said: str) -> None:
    """pika's adapter says how many attempts there were: "1"."""
    protocol = BrokerProtocol(pika.URLParameters("amqp://a//"), Clock())
    found: list[str] = []
    protocol.ready.addErrback(lambda failure: found.append(why_refused(failure.value)))
    protocol.makeConnection(Transport())
    protocol._impl._terminate_stream(error)
    protocol.connectionLost(Failure(ConnectionDone()))
    assert found == [said]


def test_an_address_at_which_nobody_is_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client service tries again without a word: a gateway with a wrong port in its address said nothing."""
    monkeypatch.setattr("gateway.amqp.failover.unreached", Seldom(logging.getLogger("gateway.amqp.failover")))
    reactor = MemoryReactorClock()
    failed = FailoverEndpoint(reactor, "amqp://127.0.0.1:1234//").connect(Factory.forProtocol(Protocol))
    reactor.tcpClients[0][2].clientConnectionFailed(None, Failure(ConnectError()))
    reactor.advance(CONNECT_S_MAX / 2)  # there is no second address of this name
    failed.addErrback(lambda failure: failure.trap(ConnectError))
    assert "no broker at 127.0.0.1:1234: An error occurred while connecting" in caplog.text
