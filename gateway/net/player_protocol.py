"""The Twisted shell around a connection: bytes in, bytes out, and a limit on how many there are.

Behind a load balancer that speaks the PROXY protocol (Twisted's endpoint ``haproxy:tcp:4000``) a client's address is
known with its first bytes; until then it counts as somebody, from nowhere.
"""

from collections import Counter
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from gameserver.limits import Limits
from gateway.connections.connection import Connection
from gateway.hub import Hub
from gateway.net.transport import Transport, set_no_delay

NOWHERE = ""  # the address of those who were not introduced yet


@implementer(IPushProducer)
class PlayerProtocol(Protocol):
    """One socket."""

    def __init__(self, hub: Hub, limiter: "ConnectionLimiter", address: str) -> None:
        self._hub = hub
        self._limiter = limiter
        self._address = address
        self._connection: Connection | None = None

    def connectionMade(self) -> None:  # noqa: N802
        """Begin a connection, if there is room."""
        transport: Any = self.transport
        if isinstance(transport, HAProxyProtocolWrapper):
            self._address, transport = NOWHERE, transport.transport
        if not self._limiter.enter(self._address):
            transport.loseConnection()
            self._hub.meters.disconnects["full"] += 1
            return
        set_no_delay(transport)
        transport.registerProducer(self, True)
        self._connection = self._hub.begin(Transport(transport))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Pass bytes on."""
        if self._connection is not None and (self._address or self._introduced(self._connection)):
            self._hub.received(self._connection, data)

    def _introduced(self, connection: Connection) -> bool:
        """The load balancer has just said who this is. Cuts it off when there is no room for one more from there."""
        peer: Any = self.transport
        address = _host(peer.getPeer())
        if not self._limiter.introduce(address):
            self._hub.meters.disconnects["full"] += 1
            connection.abort()
            return False
        self._address = address
        return True

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: N802, B008
        """End the connection."""
        if self._connection is not None:
            self._limiter.leave(self._address)
            self._hub.ended(self._connection)

    def pauseProducing(self) -> None:  # noqa: N802
        """Stop writing: the client does not read."""
        if self._connection is not None:
            self._connection.pause()

    def resumeProducing(self) -> None:  # noqa: N802
        """Write again: the client reads."""
        if self._connection is not None:
            self._hub.reads_again(self._connection)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection ends; ``connectionLost`` follows."""


class ConnectionLimiter:
    """How many connections are open, in all and per address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many connections are open."""
        return self._by_address.total()

    def enter(self, address: str) -> bool:
        """Let one more in, if there is room."""
        if self.inside >= self._limits.connections_max or self._crowded(address):
            return False
        self._by_address[address] += 1
        return True

    def introduce(self, address: str) -> bool:
        """One who came from nowhere is from there, if there is room."""
        if self._crowded(address):
            return False
        self._by_address[address] += 1
        self.leave(NOWHERE)
        return True

    def _crowded(self, address: str) -> bool:
        return address != NOWHERE and self._by_address[address] >= self._limits.connections_per_address_max

    def leave(self, address: str) -> None:
        """One left."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class PlayerFactory(Factory):
    """Makes protocols for the sockets of an endpoint."""

    noisy = False

    def __init__(self, hub: Hub, limits: Limits) -> None:
        self._hub = hub
        self._limiter = ConnectionLimiter(limits)

    def buildProtocol(self, address: Any) -> PlayerProtocol:  # noqa: N802
        """A protocol for a new socket."""
        return PlayerProtocol(self._hub, self._limiter, _host(address))


def _host(address: Any) -> str:
    return getattr(address, "host", "local")
