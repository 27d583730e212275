"""What can be wrong with what a peer sends.

A ``PacketFault`` spoils one packet: it is answered with its code and the connection goes on. A ``WireFault`` means that
the two sides no longer agree where a packet begins: it is told and the connection is closed.
"""

from collections.abc import Mapping

from gameserver.errors import GameError


class PacketFault(GameError):
    """One packet is wrong. ``re``: the sequence number it carried, 0 if none could be read."""

    def __init__(self, code: str, message: str, re: int = 0) -> None:
        super().__init__(code, message)
        self.re = re


class WireFault(GameError):
    """The stream is broken, or its sender is: told, then closed."""


class PeerClosed(WireFault):
    """The client closes a WebSocket: its connection ends without a goodbye."""


class HttpFault(GameError):
    """A request that is not served: answered with ``status`` and ``headers``, then the connection is closed."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"http_{status}", message)
        self.status = status
        self.headers = headers or {}


class ProxyHeaderFault(GameError):
    """What a load balancer says of a client can't be read: the connection is cut off, and the client told nothing."""
