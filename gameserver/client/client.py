"""The client: one session in the world, over as many connections as it takes.

Packets are handled where they arrive, in the protocol's callback; no task is made per packet. Only coming back after a
lost connection has a task of its own: it connects to the next address, resumes the session, and sends again what was
not answered, with the numbers it had, before anything new.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum
from itertools import cycle
from random import Random
from types import TracebackType
from typing import Any, Self

from gameserver.client.backoff import Backoff, persist
from gameserver.client.connection import CodecName, Link
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.inbox import Acks, Inbox
from gameserver.client.limits import ClientLimits
from gameserver.client.pending import Ledger, Reply
from gameserver.client.world_view import Picture
from gameserver.errors import GameError
from gameserver.wire.packets import PROTOCOL

Packet = dict[str, Any]

# The session goes on, on another connection.
PASSING_FAREWELLS = frozenset({"going_away", "too_many_unanswered"})
WELCOME = 0  # stands for the welcome where the number of an awaited reply is asked for

# The server will say the same however often it is asked.
HOPELESS_FAREWELLS = frozenset({"protocol_mismatch", "catalogue_mismatch"})
# A resume refused with one of these may be granted in a moment; with any other code the session is over.
PASSING_REFUSALS = frozenset({"busy", "unavailable", "stale", "dead_lettered", "flooding"})


class Phase(Enum):
    """Where a client stands."""

    CONNECTING = "connecting for the first time"
    GREETED = "connected, not in the world"
    PLAYING = "in the world"
    AWAY = "in the world, looking for a connection"
    ENDED = "over"


class Client:
    """A player's connection to the game.

    ``addresses``: gateways, tried in turn. ``codec``: "msgpack" or "json". ``catalogue``: the fingerprint that the
    caller was built for, "" for any. ``on_notice``: called with every notice, instead of ``notices()``. ``clock``
    (seconds), ``rng`` and ``sleep`` serve the backoff. To be used with ``async with``, or ``open`` and ``close``.
    """

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]],
        *,
        codec: CodecName = "msgpack",
        catalogue: str = "",
        tls: ssl.SSLContext | None = None,
        on_notice: Callable[[Packet], None] | None = None,
        limits: ClientLimits = ClientLimits(),  # noqa: B008 (frozen)
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
        clock: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.picture = Picture()
        self.token = ""  # with which the session is resumed
        self.reconnects = 0
        self._attempts = 0  # to resume, by which the house knows which was the last
        self._addresses = cycle(addresses)
        self._codec: CodecName = codec
        self._hello = {"type": "hello", "protocol": PROTOCOL, "catalogue": catalogue}
        self._tls = tls
        self._on_notice = on_notice
        self._limits = limits
        self._backoff = backoff
        self._clock = clock
        self._rng = rng or Random()
        self._sleep = sleep
        self._phase = Phase.CONNECTING
        self._lost_for: ConnectionLost | None = None
        self._link: Link | None = None
        self._ledger = Ledger(1)
        self._inbox = Inbox(limits.notices_max, limits.ids_kept)
        self._acks = Acks(self._acknowledge, limits.ack_delay_s, limits.ack_ids_max)
        self._awaited: Reply | None = None  # the welcome, or the reply to an entrance
        self._awaited_re = WELCOME
        self._coming_back: asyncio.Task[None] | None = None
        self._entered_s = 0.0
        self._short_lives = 0
        self._handlers: dict[str, Callable[[Packet], None]] = {
            "welcome": self._on_welcome,
            "token": self._on_token,
            "ok": self._on_ok,
            "error": self._on_error,
            "bye": self._on_bye,
        }

    @classmethod
    def connect(cls, host: str, port: int, **options: Any) -> Self:
        """A client of one gateway, to be opened with ``async with``. ``options``: as of the class."""
        return cls([(host, port)], **options)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def me(self) -> Packet:
        """Who and where I am: id, name, zone, x, y, hp, hp_max, xp. Empty before entering the world."""
        return self.picture.me

    @property
    def beings(self) -> dict[str, Packet]:
        """The others in view, by id: id, name, kind, x, y, hp, v."""
        return self.picture.beings

    @property
    def unanswered(self) -> int:
        """How many events wait for their reply."""
        return len(self._ledger)

    @property
    def notices_dropped(self) -> int:
        """How many notices fell out of the full inbox, unread."""
        return self._inbox.dropped

    async def open(self) -> None:
        """Connect and be greeted. Raises ``ConnectionLost`` when no address answers in the time the backoff allows."""
        try:
            await self._persist(self._greet)
        except (OSError, GameError) as error:
            self._end(_loss(error))
            raise _loss(error) from error

    async def register(self, name: str, password: str) -> Packet:
        """Make an account and enter the world. Gives the reply's data; raises ``Refused``, ``ConnectionLost``."""
        return await self._enter("register", name=name, password=password)

    async def login(self, name: str, password: str) -> Packet:
        """Enter the world. Gives the reply's data; raises ``Refused``, ``ConnectionLost``."""
        return await self._enter("login", name=name, password=password)

    async def send(self, event: str, /, **fields: Any) -> Packet:
        """Send an event and wait for its reply. Gives the reply's data; raises ``Refused``, ``ConnectionLost``.

        A ``Refused`` with the code ``busy`` or ``flooding`` may be tried again, as a new event; one with ``in_doubt``
        or ``outcome_unknown`` says nothing of whether it took effect: look how things stand first.
        """
        return await (await self.post(event, **fields))

    async def post(self, event: str, /, **fields: Any) -> Reply:
        """Send an event without waiting for its reply; waits only for room in the window. Gives the reply's future."""
        self._check_in_world()
        await self._ledger.room()
        return self._submit({"type": event, **fields}, counted=True)

    async def notices(self) -> AsyncIterator[Packet]:
        """Give notices as they come, until ``close``. Raises ``ConnectionLost`` when the connection ended otherwise."""
        async for notice in self._inbox.read():
            yield notice

    async def logout(self) -> None:
        """End the session and close. Raises ``Refused``."""
        with contextlib.suppress(ConnectionLost):  # then the session is over as well
            await self.send("logout")
        await self.close()

    async def close(self) -> None:
        """Close the connection; the session remains for a while. What is unanswered fails with ``ConnectionLost``."""
        if self._phase is Phase.PLAYING:
            self._acks.flush()
        link, self._link = self._link, None
        self._end(ConnectionLost("closed", "This client was closed."))
        if self._coming_back is not None:
            self._coming_back.cancel()
            await asyncio.wait([self._coming_back])
        if link is not None:
            await link.close(self._limits.close_timeout_s)

    # Connecting

    async def _persist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        await persist(
            attempt,
            self._backoff,
            hopeless=self._is_hopeless,
            rng=self._rng,
            clock=self._clock,
            sleep=self._sleep,
            failures=self._short_lives,
        )

    def _is_hopeless(self, error: Exception) -> bool:
        if isinstance(error, Refused):
            return error.code not in PASSING_REFUSALS
        return self._phase is Phase.ENDED or (isinstance(error, GameError) and error.code in HOPELESS_FAREWELLS)

    async def _greet(self) -> None:
        async with self._attempt():
            await self._dial()

    async def _resume(self) -> None:
        async with self._attempt():
            await self._dial()
            self._attempts += 1
            resume = {"type": "resume", "token": self.token}
            try:
                await self._await(1, {**resume, "sent": self._ledger.highest, "attempt": self._attempts, "seq": 1})
            except Refused as refusal:
                if refusal.code != "bad_field":
                    raise
                await self._await(2, {**resume, "seq": 2})  # a gateway of the version before

    @contextlib.asynccontextmanager
    async def _attempt(self) -> AsyncIterator[None]:
        """Bound an attempt in time, and leave no connection behind when it fails."""
        try:
            async with asyncio.timeout(self._limits.attempt_s_max):
                yield
        except BaseException:
            self._hang_up()
            raise

    async def _dial(self) -> None:
        host, port = next(self._addresses)
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(self._make_link, host, port, ssl=self._tls)
        if link.closed.done():
            raise ConnectionLost("connection_lost", "The connection was lost at once.")
        self._link = link
        await self._await(WELCOME, self._hello)

    def _make_link(self) -> Link:
        return Link(self._codec, self._on_packet, self._on_lost)

    async def _enter(self, event: str, **fields: Any) -> Packet:
        self._check_alive()
        if self._phase is not Phase.GREETED:
            raise Refused("already_playing", "You are in the world already.")
        if self._awaited is not None and not self._awaited.done():
            raise Refused("entering", "Wait for the reply to the login.")
        # An entrance has a number of its own, above that of the one refused before on this connection.
        seq = self._awaited_re + 1
        return await self._await(seq, {"type": event, **fields, "seq": seq})

    async def _await(self, re: int, packet: Packet) -> Packet:
        """Send the one packet that stands between us and the next phase, and wait for its answer."""
        if self._link is None:
            raise ConnectionLost("connection_lost", "The connection was lost.")
        self._awaited_re = re
        self._awaited = asyncio.get_running_loop().create_future()
        self._link.write(packet)
        return await self._awaited

    def _settle(self, answer: Packet | GameError) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is None or awaited.done():
            return
        if isinstance(answer, GameError):
            awaited.set_exception(answer)
            awaited.exception()  # who waits no longer need not be told
        else:
            awaited.set_result(answer)

    def _is_awaited(self, re: int) -> bool:
        return self._awaited is not None and self._awaited_re == re

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.drop(ConnectionLost("closed", "This attempt was given up."))

    # Losing the connection

    def _on_lost(self, link: Link, reason: ConnectionLost) -> None:
        if link is not self._link:
            return
        self._link = None
        self._settle(reason)
        if self._phase is Phase.PLAYING and self.token:
            self._go_away()
        elif self._phase in (Phase.GREETED, Phase.PLAYING):
            self._end(reason)

    def _go_away(self) -> None:
        self._phase = Phase.AWAY
        # A connection that breaks as soon as it is made must not be made again at full speed.
        was_short = self._clock() - self._entered_s < self._backoff.cap_s
        self._short_lives = self._short_lives + 1 if was_short else 0
        self._coming_back = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        try:
            await self._sleep(self._backoff.delay_s(self._short_lives, self._rng))
            await self._persist(self._resume)
        except (OSError, GameError) as error:
            self._end(_loss(error))

    def _end(self, lost: ConnectionLost) -> None:
        if self._phase is Phase.ENDED:
            return
        self._phase = Phase.ENDED
        self._lost_for = lost
        self._hang_up()
        self._settle(lost)
        self._acks.stop()
        self._ledger.fail(lost)
        self._inbox.end(lost)

    # Sending

    def _check_alive(self) -> None:
        if self._lost_for is not None:
            raise ConnectionLost(self._lost_for.code, self._lost_for.message)

    def _check_in_world(self) -> None:
        self._check_alive()
        if self._phase not in (Phase.PLAYING, Phase.AWAY):
            raise Refused("not_logged_in", "Register or log in first.")

    def _submit(self, packet: Packet, *, counted: bool) -> Reply:
        """Number an event and send it; while away it waits for the connection like what is unanswered."""
        waiting = self._ledger.add(packet, counted=counted)
        if self._phase is Phase.PLAYING and self._link is not None:
            self._link.write(waiting.packet)
        return waiting.reply

    def _acknowledge(self, ids: list[str]) -> Reply | None:
        if self._phase not in (Phase.PLAYING, Phase.AWAY):
            return None
        return self._submit({"type": "ack", "ids": ids}, counted=False)

    # Receiving

    def _on_packet(self, packet: Packet) -> None:
        self._handlers.get(packet["type"], self._on_told)(packet)

    def _on_welcome(self, packet: Packet) -> None:
        if self._link is None or not self._is_awaited(WELCOME):
            return
        self._link.keep_alive(min(self._limits.ping_every_s_max, packet["idle_s_max"] / 3))
        if self._phase is Phase.CONNECTING:
            self._ledger = Ledger(min(self._limits.window or packet["lane_waiting_max"], packet["lane_waiting_max"]))
            self._phase = Phase.GREETED
        self._settle(packet)

    def _on_token(self, packet: Packet) -> None:
        self.token = packet["token"]

    def _on_ok(self, packet: Packet) -> None:
        re, data = packet["re"], packet.get("data") or {}
        if self._is_awaited(re):
            self._on_entered(data)
            self._settle(data)
            return
        waiting = self._ledger.answered(re)
        if waiting is None:
            return
        self.picture.replied(waiting.packet, data)
        if not waiting.reply.done():
            waiting.reply.set_result(data)

    def _on_entered(self, data: Packet) -> None:
        self.picture.entered(data)
        self._ledger.skip_to(max(self._awaited_re, data.get("seq", 0)))
        self.reconnects += self._phase is Phase.AWAY
        self._phase = Phase.PLAYING
        self._entered_s = self._clock()
        if self._link is not None:
            self._link.write(*self._ledger.unanswered())

    def _on_error(self, packet: Packet) -> None:
        re, refusal = packet.get("re", 0), Refused(packet["code"], packet["message"])
        if self._is_awaited(re):
            self._settle(refusal)
            return
        waiting = self._ledger.answered(re)
        if waiting is None:
            self._on_told(packet)  # it answers nothing of ours, but somebody should see it
        elif not waiting.reply.done():
            waiting.reply.set_exception(refusal)

    def _on_bye(self, packet: Packet) -> None:
        farewell = ConnectionLost(packet["code"], packet["message"])
        if self._phase is Phase.PLAYING and farewell.code not in PASSING_FAREWELLS:
            self._end(farewell)
        elif self._link is not None:
            self._link.drop(farewell)

    def _on_told(self, notice: Packet) -> None:
        id_ = notice.get("id", "")
        if id_:
            self._acks.add(id_)
            if self._inbox.is_double(id_):
                return
        self.picture.noticed(notice)
        if self._on_notice is None:
            self._inbox.put(notice)
        else:
            self._call(self._on_notice, notice)

    def _call(self, on_notice: Callable[[Packet], None], notice: Packet) -> None:
        try:
            on_notice(notice)
        except Exception as error:
            # The caller's fault must not cost the connection.
            context = {"message": "on_notice failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


def _loss(error: OSError | GameError) -> ConnectionLost:
    """What to tell of the error that ended the last attempt."""
    if isinstance(error, GameError):
        return ConnectionLost(error.code, error.message)
    return ConnectionLost("unreachable", f"No gateway answered: {error or 'timed out'}.")
