"""The connection in use: made, greeted, lost and given up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from gameserver.client.connection import Connection, Dialer
from gameserver.client.errors import ConnectionLost
from gameserver.client.handshake import WELCOME, Accept, Handshake
from gameserver.client.limits import ClientLimits
from gameserver.client.packet_types import Packet

SIGNS_PER_IDLE = 3  # so often a client that says nothing pings before it would be hung up on


class Connector:
    """Owns the connection in use: makes it, exchanges handshakes on it, and forgets it when it is lost.

    ``on_packet`` gets every packet; ``on_lost`` is called when the connection in use is lost, not when it is given up.
    """

    def __init__(
        self,
        dialer: Dialer,
        hello: Packet,
        limits: ClientLimits,
        on_packet: Callable[[Packet], None],
        on_lost: Callable[[ConnectionLost], None],
    ) -> None:
        self.connection: Connection | None = None
        self.handshake = Handshake()
        self._dialer = dialer
        self._hello = hello
        self._limits = limits
        self._on_packet = on_packet
        self._on_lost = on_lost

    @contextlib.asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Bound an attempt in time, and leave no connection behind when it fails."""
        try:
            async with asyncio.timeout(self._limits.attempt_s_max):
                yield
        except BaseException:
            self.hang_up()
            raise

    async def greet(self, accept: Accept) -> None:
        """Connect to the next address and exchange ``hello`` for ``welcome``. Raises ``OSError``, ``GameError``."""
        async with asyncio.timeout(self._limits.connect_s_max):
            connection = await self._dialer.dial(self._on_packet, self._forget)
        self.connection = connection

        def welcomed(welcome: Packet) -> None:
            connection.keep_alive(self._limits.silence_s_max, welcome["idle_s_max"] / SIGNS_PER_IDLE)
            accept(welcome)

        await self.ask(self._hello, welcomed)

    async def ask(self, request: Packet, accept: Accept) -> Packet:
        """Send a handshake's request and wait for its answer. Raises ``Refused``, ``ConnectionLost``."""
        if self.connection is None:
            raise ConnectionLost("connection_lost", "The connection was lost.")
        reply = self.handshake.begin(request.get("seq", WELCOME), accept)
        self.connection.write(request)
        return await reply

    def write(self, *packets: Packet) -> None:
        """Send packets, unless there is no connection."""
        if self.connection is not None:
            self.connection.write(*packets)

    def leave_for(self, host: str, port: int) -> None:
        """Give the connection up for one to this address, unless that could not be reached a moment ago."""
        if self._dialer.name((host, port)):
            self.drop(ConnectionLost("elsewhere", f"This client goes to {host}:{port}."))

    def drop(self, reason: ConnectionLost) -> None:
        """Treat the connection as lost for this reason."""
        if self.connection is not None:
            self.connection.drop(reason)

    def hang_up(self) -> None:
        """Give the connection up; nobody is told."""
        connection = self.detach()
        if connection is not None:
            connection.drop(ConnectionLost("closed", "This attempt was given up."))

    def detach(self) -> Connection | None:
        """Forget the connection without closing it."""
        connection, self.connection = self.connection, None
        return connection

    def _forget(self, connection: Connection, reason: ConnectionLost) -> None:
        if connection is self.connection:
            self.connection = None
            self.handshake.fail(reason)
            self._on_lost(reason)
