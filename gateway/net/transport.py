"""The way to one client's socket.

What is written goes to the kernel at once when nothing waits before it: Twisted's own way (register a writer, wait for
the next poll, write, unregister) costs as much again as the sending. What the kernel does not take is left to Twisted.
Hanging up takes two steps: first nothing more is written, and only when the client has hung up too, or had time to, the
socket is closed. Closing a socket on which unread bytes lie would throw away what the client has not read yet.
"""

import socket
from typing import Any

from twisted.internet import tcp
from twisted.protocols.policies import ProtocolWrapper

from gameserver.broker.urls import KEEPALIVE


def set_no_delay(transport: Any) -> None:
    """Writes are gathered already: the kernel must not hold them back. (A TLS or test transport may not know it.)"""
    if hasattr(transport, "setTcpNoDelay"):
        transport.setTcpNoDelay(True)


def keep_alive(transport: Any) -> None:
    """Have TCP look after a connection to the broker: one that is dropped on the way breaks soon."""
    raw = socket_of(transport).socket
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        raw.setsockopt(socket.IPPROTO_TCP, option, value)


def socket_of(transport: Any) -> Any:
    """Twisted's socket below whatever wraps it (TLS does)."""
    while not isinstance(transport, tcp.Connection):
        transport = transport.transport
    return transport


class Transport:
    """A socket as connections use it; ``transport`` is Twisted's."""

    __slots__ = ("_plain", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        # TLS has buffers of its own and no half-closed state, test transports have no socket.
        self._plain = isinstance(transport, tcp.Connection) and not transport.TLS

    def write(self, data: bytes) -> None:
        """Send, or queue what can't be sent now."""
        transport = self._transport
        if self._plain and transport.connected and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                sent = transport.socket.send(data)
            except OSError:  # the kernel's buffer is full, or the connection broken: Twisted finds out which
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def finish(self, goodbye: str = "") -> None:
        """Nothing more will be written; the client may hang up. ``goodbye``: the code of what it was told last."""
        if self._plain:
            self._transport.loseWriteConnection()
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Close when everything was sent."""
        if isinstance(self._transport, ProtocolWrapper):  # TLS: it would wait for its producer to say that it is done
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abortConnection()
