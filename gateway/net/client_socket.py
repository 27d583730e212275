"""The Twisted shell around any client's socket: how many there are, and whose it is.

Behind a load balancer that speaks the PROXY protocol (endpoint ``haproxy:tcp:4000``) a client's address is known with
its first bytes; until then it counts as somebody, from nowhere.
"""

import logging
from collections import Counter
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gameserver.limits import Limits
from gameserver.runtime.logging import Seldom
from gameserver.wire.errors import ProxyHeaderFault
from gameserver.wire.proxy_header import read_proxy_header
from gateway.connections.connection import Connection
from gateway.hub import Hub
from gateway.net.transport import set_no_delay

log = logging.getLogger(__name__)
crowded = Seldom(log)
unread = Seldom(log)

MAPPED = "::ffff:"
NOWHERE = ""  # the address of those who were not introduced yet


class ConnectionLimiter:
    """How many connections a gateway has, on all of its endpoints and per address."""

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


@implementer(IHalfCloseableProtocol, IPushProducer)
class ClientSocket(Protocol):
    """One socket. Subclasses say what its bytes mean, and give ``connection`` once there is one.

    ``introduced``: a load balancer says whose it is before anything else comes.
    """

    def __init__(self, hub: Hub, limiter: ConnectionLimiter, address: str, *, introduced: bool) -> None:
        self.hub = hub
        self.connection: Connection | None = None
        self._limiter = limiter
        self._let_in = False
        self._client_is_done = False
        self._address = NOWHERE if introduced else address
        self._balancer = address
        self._header = b"" if introduced else None  # what came of the introduction

    # What a subclass does.

    def opened(self) -> None:
        """Begin: there is room for this socket."""

    def received(self, data: bytes) -> None:
        """Take what the client sent."""
        raise NotImplementedError

    def closed(self) -> None:
        """End what ``opened`` began."""

    # What Twisted calls.

    def connectionMade(self) -> None:  # noqa: N802
        """Begin a connection, if there is room."""
        transport: Any = self.transport
        if not self._limiter.enter(self._address):
            transport.loseConnection()
            self._count_full(self._balancer)
            return
        self._let_in = True
        set_no_delay(transport)
        transport.registerProducer(self, True)
        self.opened()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Pass bytes on."""
        if not self._let_in:
            return
        if self._header is not None:
            data = self._introduce(self._header + data)
        if data:
            self.received(data)

    def _introduce(self, data: bytes) -> bytes:
        """Read who this is. Returns what came after that; cuts the connection off where that can't be."""
        try:
            header = read_proxy_header(data)
        except ProxyHeaderFault as fault:
            self.hub.meters.disconnects[fault.code] += 1
            unread.warning("%s was cut off: %s", self._balancer, fault.message)
            self.abort()
            return b""
        if header is None:
            self._header = data
            return b""
        self._header = None
        address = header.host or self._balancer
        if not self._limiter.introduce(address):
            self._count_full(address)
            self.abort()
            return b""
        self._address = address
        return data[header.size :]

    def abort(self) -> None:
        """Cut the connection off."""
        transport: Any = self.transport
        transport.abortConnection()

    def _count_full(self, address: str) -> None:
        self.hub.meters.disconnects["full"] += 1
        inside = self._limiter.inside
        crowded.warning("a connection from %s was refused: there is no room (%d are open)", address, inside)

    def readConnectionLost(self) -> None:  # noqa: N802
        """The client closed its side: hang up, once it is answered."""
        self._client_is_done = True
        if self.connection is not None and not self.connection.protocol.closed:
            self.hub.half_closed(self.connection)
        else:
            self._hang_up()

    def writeConnectionLost(self) -> None:  # noqa: N802
        """Everything is written, the goodbye too: hang up, if the client has nothing more to send either."""
        if self._client_is_done:
            self._hang_up()

    def _hang_up(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: N802, B008
        """End the connection."""
        if self._let_in:
            self._limiter.leave(self._address)
            self.closed()
        if self.connection is not None:
            self.hub.ended(self.connection)

    def pauseProducing(self) -> None:  # noqa: N802
        """Stop writing: the client does not read."""
        if self.connection is not None:
            self.connection.outgoing.pause()

    def resumeProducing(self) -> None:  # noqa: N802
        """Write again: the client reads."""
        if self.connection is not None:
            self.hub.reads_again(self.connection)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection ends; ``connectionLost`` follows."""


def host_of(address: Any) -> str:
    """The host in Twisted's address of a client, an IPv4 one as it is on endpoints of IPv4 alone."""
    host: str = getattr(address, "host", "local")
    return host.removeprefix(MAPPED) if "." in host else host
