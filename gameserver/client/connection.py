"""One TCP connection to a gateway: an asyncio shell around the protocol's core, with keep-alive.

A connection is dropped exactly once, whichever cause comes first: the peer, a broken stream, silence, or the client.
"""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any, Literal, cast

from gameserver.client.errors import ConnectionLost
from gameserver.client.packet_types import Packet
from gameserver.wire.client import ClientConnection

CodecName = Literal["msgpack", "json"]


Address = tuple[str, int]

NAMED_AGAIN_S = 60.0  # until a gateway that a server named, and that could not be reached, is tried again


class Connection(asyncio.Protocol):
    """``on_packet`` gets every packet but pongs; ``on_lost`` is called once, with the connection and the reason."""

    def __init__(
        self,
        codec: CodecName,
        on_packet: Callable[[Packet], None],
        on_lost: Callable[["Connection", ConnectionLost], None],
    ) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._core = ClientConnection(codec)
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._clock = asyncio.get_running_loop().time
        self._heard_s = self._said_s = self._clock()
        self._asked = False
        self._dropped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss. Called by asyncio."""
        self.closed.set_result(None)
        self.drop(ConnectionLost("connection_lost", f"The connection was lost: {exc or 'closed by the server'}."))

    def data_received(self, data: bytes) -> None:
        """Decode packets and hand them on. Called by asyncio."""
        self._heard_s, self._asked = self._clock(), False
        for packet in self._core.receive(data):
            if not self._dropped:
                self._take(packet)
        if self._core.fault is not None:
            self.drop(ConnectionLost("broken_stream", f"The server's bytes make no sense: {self._core.fault}."))

    def write(self, *packets: Packet) -> None:
        """Send packets, in one write."""
        if not self._dropped:
            self._said_s = self._clock()
            self._transport.write(b"".join(map(self._core.encode, packets)))

    def keep_alive(self, silence_s_max: float, say_within_s: float) -> None:
        """Ping when nothing was heard for ``silence_s_max``, and drop the connection after as much silence again.

        Ping also when nothing was said for ``say_within_s``, however much is heard: the server wants a sign of life.
        """
        due_s = min(self._heard_s + silence_s_max, self._said_s + say_within_s)
        delay_s = silence_s_max if self._asked else due_s - self._clock()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look, silence_s_max, say_within_s)

    def drop(self, reason: ConnectionLost) -> None:
        """Abort the connection and report ``reason``."""
        if not self._dropped:
            self._stop()
            self._transport.abort()
            self._on_lost(self, reason)

    def reset(self, reason: ConnectionLost) -> None:
        """Drop the connection without a farewell: what is unread is lost, and the peer told so."""
        at_once = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.drop(reason)

    def leave(self, reason: ConnectionLost) -> asyncio.Transport:
        """Report ``reason`` and leave the connection open and unread, as a network that fails in silence does."""
        self._stop()
        self._transport.pause_reading()
        self._on_lost(self, reason)
        return self._transport

    async def close(self, within_s: float) -> None:
        """Close once all is written, or after ``within_s`` all the same."""
        if not self._dropped:
            self._stop()
            self._transport.close()
        await asyncio.wait([self.closed], timeout=within_s)
        self._transport.abort()

    def _take(self, packet: Any) -> None:
        if not isinstance(packet, dict) or not isinstance(packet.get("type"), str):
            self.drop(ConnectionLost("broken_stream", "A packet from the server has no type."))
        elif packet["type"] != "pong":
            self._on_packet(packet)

    def _look(self, silence_s_max: float, say_within_s: float) -> None:
        now_s = self._clock()
        if self._asked:  # not before: who was suspended meanwhile has heard nothing either
            self.drop(ConnectionLost("silent", f"A ping was not answered within {silence_s_max:g} seconds."))
            return
        if now_s >= min(self._heard_s + silence_s_max, self._said_s + say_within_s):
            self.write({"type": "ping"})
            self._asked = True
        self.keep_alive(silence_s_max, say_within_s)

    def _stop(self) -> None:
        self._dropped = True
        if self._timer is not None:
            self._timer.cancel()


class Dialer:
    """Opens connections to a list of gateways, to the next one each time, or to the one that a server named."""

    def __init__(
        self,
        addresses: Iterable[Address],
        codec: CodecName = "msgpack",
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = cycle(addresses)
        self._codec: CodecName = codec
        self._tls = tls
        self._clock = clock
        self._named: Address | None = None
        self._not_before_s: dict[Address, float] = {}  # who was named and could not be reached

    def name(self, address: Address) -> bool:
        """Connect to this address the next time. Returns whether it is worth it: it did not fail a moment ago."""
        if self._clock() < self._not_before_s.get(address, 0.0):
            return False
        self._named = address
        return True

    async def dial(
        self, on_packet: Callable[[Packet], None], on_lost: Callable[[Connection, ConnectionLost], None]
    ) -> Connection:
        """Connect to the next address. Raises ``OSError`` and ``ConnectionLost``."""
        named, self._named = self._named, None
        if named is None:
            return await self._dial(next(self._addresses), on_packet, on_lost)
        self._not_before_s = {named: self._clock() + NAMED_AGAIN_S}
        connection = await self._dial(named, on_packet, on_lost)
        self._not_before_s = {}
        return connection

    async def _dial(
        self,
        address: Address,
        on_packet: Callable[[Packet], None],
        on_lost: Callable[[Connection, ConnectionLost], None],
    ) -> Connection:
        host, port = address
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._codec, on_packet, on_lost), host, port, ssl=self._tls
        )
        if connection.closed.done():
            raise ConnectionLost("connection_lost", "The connection was lost at once.")
        return connection
