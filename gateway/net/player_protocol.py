"""Sockets that speak the protocol itself: bytes in, bytes out."""

from typing import Any

from twisted.internet.protocol import Factory

from gateway.hub import Hub
from gateway.net.client_socket import ClientSocket, ConnectionLimiter, host_of
from gateway.net.transport import Transport


class PlayerProtocol(ClientSocket):
    """One socket."""

    def opened(self) -> None:
        """Begin a connection; it is overdue soon, whether it was introduced or not."""
        self.connection = self.hub.begin(Transport(self.transport))

    def received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self.connection is not None:
            self.hub.received(self.connection, data)


class PlayerFactory(Factory):
    """Makes protocols for the sockets of an endpoint. ``introduced``: a load balancer stands before it."""

    noisy = False

    def __init__(self, hub: Hub, limiter: ConnectionLimiter, *, introduced: bool = False) -> None:
        self._hub = hub
        self._limiter = limiter
        self._introduced = introduced

    def buildProtocol(self, address: Any) -> PlayerProtocol:  # noqa: N802
        """A protocol for a new socket."""
        return PlayerProtocol(self._hub, self._limiter, host_of(address), introduced=self._introduced)
