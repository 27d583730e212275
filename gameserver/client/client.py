"""The client: what a program that plays uses. Everything behind it is in ``session`` and its parts."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from random import Random
from types import TracebackType
from typing import Any, Self

from gameserver.client.backoff import Backoff, while_away
from gameserver.client.connection import CodecName, Connection, Dialer
from gameserver.client.errors import ConnectionLost
from gameserver.client.limits import ClientLimits
from gameserver.client.packet_types import Packet, Reply
from gameserver.client.session import Session
from gameserver.client.world_view import WorldView
from gameserver.declare.client_view import Follows, followers
from gameserver.wire.packets import PROTOCOL


class Client:
    """A player's connection to the game.

    ``addresses``: gateways, tried in turn. ``codec``: "msgpack" or "json". ``catalogue``: the fingerprint that the
    caller was built for, "" for any. ``on_notice``: called with every notice, instead of ``notices()``.
    ``follows``: how ``me`` and ``beings`` follow notices and replies, by their names; by default as the game's modules
    declare it. ``backoff``: of attempts to begin; ``away``: of those to replace a lost connection, by default for as
    long as the server keeps the session, an hour. ``clock`` (seconds), ``rng`` and ``sleep`` serve both. To be used
    with ``async with``, or with ``open`` and ``close``.
    """

    def __init__(
        self,
        addresses: Iterable[tuple[str, int]],
        *,
        codec: CodecName = "msgpack",
        catalogue: str = "",
        tls: ssl.SSLContext | None = None,
        on_notice: Callable[[Packet], None] | None = None,
        follows: Follows | None = None,
        limits: ClientLimits = ClientLimits(),  # noqa: B008 (frozen)
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
        away: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = Session(
            Dialer(addresses, codec, tls),
            {"type": "hello", "protocol": PROTOCOL, "catalogue": catalogue},
            limits,
            backoff,
            while_away(backoff) if away is None else away,
            follows=followers() if follows is None else follows,
            on_notice=on_notice,
            clock=clock,
            rng=rng or Random(),
            sleep=sleep,
        )

    @classmethod
    def connect(cls, host: str, port: int, **options: Any) -> Self:
        """Make a client of one gateway, to be opened with ``async with``. ``options``: as of the class."""
        return cls([(host, port)], **options)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def world_view(self) -> WorldView:
        """What the client knows of the world."""
        return self._session.world_view

    @property
    def me(self) -> Packet:
        """Who and where I am, as the game tells it: id, name, zone, x, y, ... Empty before entering the world."""
        return self.world_view.me

    @property
    def beings(self) -> dict[str, Packet]:
        """The others in view, by id, as the game tells them: id, name, kind, x, y, ..."""
        return self.world_view.beings

    @property
    def token(self) -> str:
        """The secret with which the session is resumed; "" before entering the world."""
        return self._session.token

    @property
    def connection(self) -> Connection | None:
        """The present connection; ``None`` while there is none."""
        return self._session.connector.connection

    @property
    def session_id(self) -> str:
        """The session's id: with the number of an event it is the event's id on the server. "" before entering."""
        return self._session.id

    @property
    def sent(self) -> int:
        """The highest number used so far: just after ``post``, that of the event."""
        return self._session.requests.highest

    @property
    def reconnects(self) -> int:
        """How often a lost connection was replaced."""
        return self._session.reconnection.count

    @property
    def end(self) -> ConnectionLost | None:
        """Why this client has ended: the server's farewell, or what came of it; ``None`` while it has not."""
        return self._session.lifecycle.reason

    @property
    def unanswered(self) -> int:
        """How many events wait for their reply."""
        return len(self._session.requests)

    @property
    def notices_dropped(self) -> int:
        """How many notices fell out of the full inbox, unread."""
        return self._session.inbox.dropped

    async def open(self) -> None:
        """Connect and be greeted. Raises ``ConnectionLost`` when no address answers in the time the backoff allows."""
        await self._session.open()

    async def register(self, name: str, password: str) -> Packet:
        """Make an account and enter the world. Gives the reply's data; raises ``Refused``, ``ConnectionLost``."""
        return await self.enter("register", name=name, password=password)

    async def login(self, name: str, password: str) -> Packet:
        """Enter the world. Gives the reply's data; raises ``Refused``, ``ConnectionLost``."""
        return await self.enter("login", name=name, password=password)

    async def enter(self, event: str, /, **fields: Any) -> Packet:
        """Enter the world by an event of the game's own. Gives the reply's data; raises as ``login`` does."""
        return await self._session.enter({"type": event, **fields})

    async def send(self, event: str, /, **fields: Any) -> Packet:
        """Send an event and wait for its reply. Gives the reply's data; raises ``Refused``, ``ConnectionLost``.

        A ``Refused`` with the code ``busy`` or ``flooding`` may be tried again, as a new event; one with ``in_doubt``
        or ``outcome_unknown`` says nothing of whether it took effect: look how things stand first.
        """
        return await (await self.post(event, **fields))

    async def post(self, event: str, /, **fields: Any) -> Reply:
        """Send an event without waiting for its reply; waits only for room in the window. Gives the reply's future."""
        return await self._session.post({"type": event, **fields})

    async def notices(self) -> AsyncIterator[Packet]:
        """Give notices as they come, until ``close``. Raises ``ConnectionLost`` when the connection ended otherwise."""
        async for notice in self._session.inbox.read():
            yield notice

    async def logout(self) -> None:
        """End the session and close. Raises ``Refused``."""
        with contextlib.suppress(ConnectionLost):  # then the session is over as well
            await self.send("logout")
        await self.close()

    async def close(self) -> None:
        """Close the connection; the session remains for a while. What is unanswered fails with ``ConnectionLost``."""
        await self._session.close()
