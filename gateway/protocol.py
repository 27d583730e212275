"""The Twisted shell around a session: bytes in, bytes out, and who may connect at all."""

from collections import Counter
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gameserver.limits import Limits
from gateway.hub import Hub
from gateway.line import Line, set_no_delay
from gateway.session import Session


@implementer(IPushProducer)
class PlayerProtocol(Protocol):
    """One socket."""

    def __init__(self, hub: Hub, doors: "Doors", address: str) -> None:
        self._hub = hub
        self._doors = doors
        self._address = address
        self._session: Session | None = None

    def connectionMade(self) -> None:  # noqa: N802
        """Begin a session, if there is room."""
        transport: Any = self.transport
        if not self._doors.enter(self._address):
            transport.loseConnection()
            self._hub.meters.disconnects["full"] += 1
            return
        set_no_delay(transport)
        transport.registerProducer(self, True)
        self._session = self._hub.begin(Line(transport))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Pass bytes on."""
        if self._session is not None:
            self._hub.received(self._session, data)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: N802, B008
        """End the session."""
        if self._session is not None:
            self._doors.leave(self._address)
            self._hub.ended(self._session)

    def pauseProducing(self) -> None:  # noqa: N802
        """The client does not read."""
        if self._session is not None:
            self._session.pause()

    def resumeProducing(self) -> None:  # noqa: N802
        """The client reads again."""
        if self._session is not None:
            self._hub.reads_again(self._session)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection ends; ``connectionLost`` follows."""


class Doors:
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
        full = self.inside >= self._limits.connections_max
        if full or self._by_address[address] >= self._limits.connections_per_address_max:
            return False
        self._by_address[address] += 1
        return True

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
        self._doors = Doors(limits)

    def buildProtocol(self, address: Any) -> PlayerProtocol:  # noqa: N802
        """A protocol for a new socket."""
        return PlayerProtocol(self._hub, self._doors, getattr(address, "host", "local"))
