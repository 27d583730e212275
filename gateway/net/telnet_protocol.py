"""Sockets of people at terminals: MUD clients and telnet.

What is typed and what is read is the codec's affair (``gameserver.wire.text_codec``); here it meets a socket.
"""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.protocol import Factory

from gameserver.wire.text_codec import TextCodec
from gateway.hub import Hub
from gateway.net.client_socket import ClientSocket, ConnectionLimiter, host_of
from gateway.net.transport import Transport

About = Callable[[], Mapping[str, str]]  # what MSSP tells of the server


class TelnetTransport(Transport):
    """A socket whose codec has a last word on what is written at a time: a prompt behind it, and compression."""

    __slots__ = ("_codec",)

    def __init__(self, transport: Any, codec: TextCodec) -> None:
        super().__init__(transport)
        self._codec = codec

    def write(self, data: bytes) -> None:
        """Send, or queue what can't be sent now."""
        super().write(self._codec.outgoing(data))


class TelnetProtocol(ClientSocket):
    """One socket."""

    def __init__(self, hub: Hub, limiter: ConnectionLimiter, address: str, *, introduced: bool, about: About) -> None:
        super().__init__(hub, limiter, address, introduced=introduced)
        self._about = about

    def opened(self) -> None:
        """Begin a connection, and ask who it is."""
        codec = TextCodec(self._about)
        self.connection = self.hub.begin(TelnetTransport(self.transport, codec), codec)

    def received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self.connection is not None:
            self.hub.received(self.connection, data)


class TelnetFactory(Factory):
    """Makes protocols for the sockets of an endpoint. The options are those of ``TelnetProtocol``."""

    noisy = False

    def __init__(self, hub: Hub, limiter: ConnectionLimiter, **options: Any) -> None:
        self._hub = hub
        self._limiter = limiter
        self._options = options

    def buildProtocol(self, address: Any) -> TelnetProtocol:  # noqa: N802
        """A protocol for a new socket."""
        return TelnetProtocol(self._hub, self._limiter, host_of(address), **self._options)
