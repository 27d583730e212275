"""The packets that are not events: greeting, keep-alive, replies, farewell.

A client sends ``Hello``, ``Ping`` and events; a server sends everything else and notices. Packets are maps with a
``type``; unknown fields from a client are refused, a client ignores those from a server.
"""

from typing import Annotated, Any

import msgspec

PROTOCOL = 1


class FromClient(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=str.lower,
):
    """Base of what a client sends beside events."""


class FromServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str.lower):
    """Base of what a server sends beside notices."""


class Hello(FromClient):
    """The first packet of a connection. ``catalogue``: the fingerprint that the client was built for, "" for any."""

    protocol: int
    catalogue: str = ""


class Ping(FromClient):
    """Keeps a connection alive; answered with ``pong`` and the same ``t``."""

    t: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53, description="integer, -2^53 to 2^53")] = 0


class Welcome(FromServer):
    """The answer to ``hello``: who serves, and the limits it holds clients to."""

    protocol: int
    catalogue: str
    gateway: str
    frame_bytes_max: int
    lane_waiting_max: int
    packets_per_s: float
    idle_s_max: float


class Pong(FromServer):
    """The answer to ``ping``."""

    t: int = 0


class Token(FromServer):
    """The secret with which this session can be resumed, on any gateway. It replaces the one before."""

    token: str
    session: str


class Ok(FromServer):
    """The reply to an event that took effect. ``re``: its sequence number; ``data``: as the event's table says."""

    re: int
    data: Any = None


class Error(FromServer):
    """The reply to an event that did not take effect, or (``re`` 0) to a packet that could not be read."""

    code: str
    message: str
    re: int = 0


class Unavailable(FromServer):
    """A family of events has no server at the moment. What was accepted waits; ``back`` says that it is over."""

    family: str
    back: bool = False


class Elsewhere(FromServer):
    """Players who are where this one is are served at ``address`` (host:port): resume there, or stay."""

    address: str


class Bye(FromServer):
    """The server closes this connection; the code says why. With ``going_away``: resume on another gateway."""

    code: str
    message: str
