"""How a connection to the broker ends. How it begins needs a real broker: tests/integration."""

import pika
import pytest
from pika.exceptions import AMQPHeartbeatTimeout, ConnectionClosedByBroker
from twisted.internet import defer
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gateway.amqp.failover import HANG_UP_S, BrokerProtocol, why_refused


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
