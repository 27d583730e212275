"""Reaching a node of the broker: an address becomes a connection of pika's, or there is another try at the next node.

pika shakes hands and says when it is done; who is silent, before that or at the end, is not waited for.
"""

import logging
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import pika
from pika.adapters.twisted_connection import TwistedProtocolConnection
from pika.exceptions import ConnectionClosedByBroker
from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from gameserver.broker.handshake import HUNG_UP, explained
from gameserver.broker.urls import Node, nodes
from gameserver.runtime.logging import Seldom

log = logging.getLogger(__name__)
refusals = Seldom(log)
unreached = Seldom(log)

HEARTBEAT_S = 10
CONNECT_S_MAX = 5.0  # a node that is frozen must not keep us from the next
HANG_UP_S = 2.0  # how long the broker may take to hang up, too


def parameters(node: Node) -> pika.URLParameters:
    """Return an address as pika wants it. TLS is the endpoint's affair."""
    found = pika.URLParameters(node.url)
    found.heartbeat = HEARTBEAT_S
    return found


def endpoint(reactor: IReactorTCP, node: Node) -> Any:
    """The endpoint that an address names; with TLS that checks certificate and name for ``amqps``."""
    where = parameters(node)
    plain: Any = HostnameEndpoint(reactor, where.host, where.port, timeout=CONNECT_S_MAX)
    return wrapClientTLS(_checking(where.host, node.ca_file), plain) if where.ssl_options else plain


def _checking(host: str, ca_file: Path | None) -> Any:
    if ca_file is None:
        return optionsForClientTLS(host)
    return optionsForClientTLS(host, trustRootFromCertificates([Certificate.loadPEM(ca_file.read_bytes())]))


def why_refused(error: BaseException | None) -> str:
    """Say what the broker does not like, in its own words where it said something."""
    if isinstance(error, ConnectionClosedByBroker):
        return str(error.reply_text)
    if isinstance(error, DeferredTimeoutError):
        return f"it did not shake hands within {CONNECT_S_MAX:g} seconds"
    if isinstance(error, ConnectionClosed):
        return HUNG_UP
    return explained(repr(error))


class FailoverEndpoint:
    """The nodes of the broker as one endpoint: each attempt is for the next. ``where``: the one tried last."""

    where: pika.URLParameters

    def __init__(self, reactor: IReactorTCP, amqp_url: str) -> None:
        self._reactor = reactor
        self._turns = cycle(nodes(amqp_url))

    def connect(self, factory: Any) -> Any:
        node = next(self._turns)
        self.where = parameters(node)
        return endpoint(self._reactor, node).connect(factory).addErrback(self._tell)

    def _tell(self, failure: Failure) -> Failure:
        """Log why nothing is there; the client service tries again, and says nothing."""
        if not failure.check(CancelledError):
            where = self.where
            unreached.warning("no broker at %s:%d: %s", where.host, where.port, failure.getErrorMessage())
        return failure


class BrokerProtocol(TwistedProtocolConnection):
    """pika's protocol. pika hangs up politely, and over TLS waits until the other side does too: a broker that is
    frozen or out of reach never would, so it is cut off after ``HANG_UP_S``.
    """

    ready: Any  # None once it has fired
    _cut_off: Any = None

    def __init__(self, where: pika.URLParameters, reactor: Any) -> None:
        super().__init__(where, reactor)
        self._reactor = reactor

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        Protocol.makeConnection(self, transport)
        self._impl.connection_made(cast(Any, self))  # it writes and hangs up through us

    def write(self, data: bytes) -> None:
        """What pika has to say."""
        self.transport.write(data)

    def loseConnection(self) -> None:  # noqa: N802
        """pika has given the connection up."""
        self._cut_off = self._cut_off or self._reactor.callLater(HANG_UP_S, self.transport.abortConnection)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self._cut_off is not None and self._cut_off.active():
            self._cut_off.cancel()
        why = self._impl._error  # what pika hung up for; its adapter tells how many attempts there were instead
        ready, self.ready = self.ready, None
        super().connectionLost(reason)
        if ready is not None:
            ready.errback(why or reason)


class BrokerFactory(Factory):
    """Makes pika protocols, and says when one has shaken hands, or why the broker would not (``refused``)."""

    def __init__(
        self,
        reactor: Any,
        nodes: FailoverEndpoint,
        connected: Callable[[Any], None],
        refused: Callable[[BaseException | None], Any],
    ) -> None:
        self._reactor = reactor
        self._nodes = nodes
        self._connected = connected
        self._refused = refused

    def buildProtocol(self, address: Any) -> BrokerProtocol:  # noqa: N802
        protocol = BrokerProtocol(self._nodes.where, self._reactor)
        protocol.ready.addTimeout(CONNECT_S_MAX, self._reactor)
        protocol.ready.addCallbacks(self._connected, self._not_let_in, errbackArgs=(protocol,))
        return protocol

    def _not_let_in(self, failure: Failure, protocol: TwistedProtocolConnection) -> None:
        refusals.warning("the broker does not let us in: %s", why_refused(failure.value))
        self._refused(failure.value)
        if protocol.transport is not None:
            protocol.transport.abortConnection()
