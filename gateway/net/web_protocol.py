"""Sockets of browsers: HTTP requests for the pages of a site, and WebSockets that speak the protocol.

Both come to one port. A request for ``/socket`` turns its socket into a connection like any other: the same limits, the
same lanes, the same bytes for all who watch a topic, framed once.
"""

from collections.abc import Callable, Collection
from typing import Any, Protocol

from twisted.internet.protocol import Factory

from gameserver.wire import websocket
from gameserver.wire.codecs import Codec, subprotocols
from gameserver.wire.errors import HttpFault
from gameserver.wire.http import Request, read_request, refusal
from gateway.clock import Clock
from gateway.hub import Hub
from gateway.net.client_socket import ClientSocket, ConnectionLimiter, host_of
from gateway.net.transport import Transport

SOCKET = "/socket"
NO_UPGRADE = "This is a WebSocket, and the request asks for no upgrade to one: a proxy between may have left that out."


class Pages(Protocol):
    """What is served beside the socket; see ``gateway.web.site``."""

    def respond(self, request: Request) -> bytes: ...


class WebSocketTransport(Transport):
    """A socket on which nothing follows the close frame."""

    __slots__ = ("_finished",)

    def __init__(self, transport: Any) -> None:
        super().__init__(transport)
        self._finished = False

    def write(self, data: bytes) -> None:
        """Send, or queue what can't be sent now."""
        if not self._finished:
            super().write(data)

    def finish(self, goodbye: str = "") -> None:
        """Nothing more will be written; the client may hang up."""
        self.write(websocket.farewell(goodbye))
        self._finished = True
        super().finish(goodbye)


class WebProtocol(ClientSocket):
    """One socket. It asks for pages first; ``idle_s``: for how long it may ask for nothing."""

    def __init__(
        self,
        hub: Hub,
        limiter: ConnectionLimiter,
        address: str,
        *,
        introduced: bool,
        pages: Pages,
        origins: Collection[str],
        clock: Clock,
        idle_s: float,
    ) -> None:
        super().__init__(hub, limiter, address, introduced=introduced)
        self._pages = pages
        self._origins = origins
        self._asked = b""  # of requests, what came and was not answered
        self._full = False  # whether the client does not read
        self._finished = False  # whether nothing more is answered
        self._line: Transport
        self._overdue: Any
        self._look_again: Callable[[], Any] = lambda: clock.callLater(idle_s, self.abort)

    def opened(self) -> None:
        """Wait for a request."""
        self._line = Transport(self.transport)
        self._overdue = self._look_again()

    def closed(self) -> None:
        """Wait no longer."""
        self._wait_no_longer()

    def _wait_no_longer(self) -> None:
        if self._overdue.active():
            self._overdue.cancel()

    def received(self, data: bytes) -> None:
        """Answer requests, until one makes this a connection."""
        if self.connection is not None:
            self.hub.received(self.connection, data)
        elif not self._finished:
            self._asked += data
            self._answer_requests()

    @property
    def _answers(self) -> bool:
        return self.connection is None and not self._full and not self._finished

    def _answer_requests(self) -> None:
        try:
            while self._answers and (request := read_request(self._asked)) is not None:
                self._asked = self._asked[request.size :]
                self._answer(request)
        except HttpFault as fault:
            self._refuse(fault)

    def _answer(self, request: Request) -> None:
        self._wait_no_longer()
        self._overdue = self._look_again()
        try:
            self._obey(request)
        except HttpFault as fault:
            self._refuse(fault, request.method)

    def _obey(self, request: Request) -> None:
        if websocket.is_upgrade(request):
            self._upgrade(request)
            return
        if request.path == SOCKET:
            raise HttpFault(426, NO_UPGRADE, {"Upgrade": "websocket"})
        self._line.write(self._pages.respond(request))
        if not request.keeps_alive:
            self._finish()

    def _refuse(self, fault: HttpFault, method: str = "GET") -> None:
        self._line.write(refusal(fault, method))
        self._finish()

    def _finish(self) -> None:
        """Answer no more requests; the client may hang up, until it is overdue."""
        self._finished = True
        self._line.finish()

    def _upgrade(self, request: Request) -> None:
        if request.path != SOCKET:
            raise HttpFault(404, f"The WebSocket is at {SOCKET}.")
        known = subprotocols()
        subprotocol, response = websocket.accept(request, subprotocols=known, origins=self._origins)
        self._line.write(response)
        self._begin(known[subprotocol] if subprotocol else next(iter(known.values())))

    def _begin(self, codec: Codec) -> None:
        self._wait_no_longer()
        self.connection = self.hub.begin(WebSocketTransport(self.transport), codec)
        early, self._asked = self._asked, b""
        if early:
            self.hub.received(self.connection, early)

    def pauseProducing(self) -> None:  # noqa: N802
        """Stop writing: the client does not read. Requests wait, unread, until it does."""
        super().pauseProducing()
        if self.connection is None:
            transport: Any = self.transport
            self._full = True
            transport.pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802
        """Write again: the client reads."""
        super().resumeProducing()
        if self.connection is None:
            transport: Any = self.transport
            self._full = False
            transport.resumeProducing()
            self._answer_requests()


class WebFactory(Factory):
    """Makes protocols for the sockets of an endpoint. The options are those of ``WebProtocol``."""

    noisy = False

    def __init__(self, hub: Hub, limiter: ConnectionLimiter, **options: Any) -> None:
        self._hub = hub
        self._limiter = limiter
        self._options = options

    def buildProtocol(self, address: Any) -> WebProtocol:  # noqa: N802
        """A protocol for a new socket."""
        return WebProtocol(self._hub, self._limiter, host_of(address), **self._options)
