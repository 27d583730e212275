"""One bot: it enters as a player, acts at its own pace, and leaves.

A bot does not wait for replies, so that a slow server is measured and not spared.
"""

import asyncio
import contextlib
import time
from functools import partial
from random import Random
from typing import Any

import msgspec

from gameserver.client.backoff import FOREVER, Backoff, retry
from gameserver.client.bots.profile import AttentiveBehaviour, BotProfile
from gameserver.client.bots.run_stats import RunStats
from gameserver.client.client import Client
from gameserver.client.connection import CodecName
from gameserver.client.errors import Refused
from gameserver.client.packet_types import Reply
from gameserver.client.reconnection import TRANSIENT_REFUSALS
from gameserver.errors import GameError

LOGOUT_S_MAX = 5.0
BEHIND_S_MAX = 1.0  # a bot that fell behind by more does not catch up in a burst


class BotOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``rate``: events per second and bot. ``duration_s`` ``None``: until stopped, coming back whatever happens.

    ``addresses``: gateways; each bot begins with another one. ``entering_max``: bots that log in at the same time.
    ``profile``: how they play, "" for as usual. ``settle_s``: how long answers are waited for at the end.
    """

    addresses: tuple[tuple[str, int], ...] = (("127.0.0.1", 4000),)
    count: int = 20
    rate: float = 2.0
    duration_s: float | None = 30.0
    seed: int = 0
    codec: CodecName = "msgpack"
    name_prefix: str = "bot"
    password: str = "correct horse battery bot"  # noqa: S105 (for bots to share)
    entering_max: int = 8
    settle_s: float = 10.0
    profile: str = ""
    backoff: Backoff = Backoff()


class Bot:
    """One player controlled by the game's ``BotBehaviour``. ``stats`` and ``found`` are shared by all bots of a run."""

    def __init__(self, number: int, options: BotOptions, profile: BotProfile, stats: RunStats, found: set[str]) -> None:
        self.entered = False
        self._options = options
        self._name = f"{options.name_prefix}{number}"
        self._rng = Random(f"{options.seed}/{number}")
        self._behaviour = profile.behaviour(self._rng, number, options.count, options.name_prefix, found)
        self._stats = stats
        first = number % len(options.addresses)
        self._addresses = options.addresses[first:] + options.addresses[:first]
        self._backoff = FOREVER if options.duration_s is None else options.backoff
        self._client: Client | None = None
        self._reconnects_before = 0

    @property
    def reconnects(self) -> int:
        """How often a lost connection was replaced."""
        return self._reconnects_before + (self._client.reconnects if self._client else 0)

    async def enter_and_play(self, entrance: asyncio.Semaphore, start: asyncio.Event) -> None:
        """Enter, wait for the start, and play until cancelled. Raises ``GameError``, ``OSError``."""
        self.entered = False
        async with entrance:
            await retry(
                self._enter,
                self._backoff,
                is_final=_is_final,
                rng=self._rng,
                clock=time.monotonic,
                sleep=asyncio.sleep,
            )
        self.entered = True
        await start.wait()
        await self._play()

    async def leave(self) -> None:
        """Log out, as far as that is possible, and close."""
        client = self._client
        if client is None:
            return
        with contextlib.suppress(GameError, TimeoutError):
            await asyncio.wait_for(client.logout(), LOGOUT_S_MAX)
        await client.close()

    async def _enter(self) -> None:
        self._reconnects_before = self.reconnects
        self._client = client = Client(
            self._addresses,
            codec=self._options.codec,
            on_notice=self._on_notice,
            backoff=self._options.backoff,
            rng=self._rng,
        )
        try:
            await client.open()
            await self._register_or_login(client)
        except BaseException:
            await client.close()
            raise

    async def _register_or_login(self, client: Client) -> None:
        try:
            await client.register(self._name, self._options.password)
        except Refused as refusal:
            if refusal.code != "name_taken":
                raise
            await client.login(self._name, self._options.password)

    async def _play(self) -> None:
        interval_s = 1 / self._options.rate
        due_s = time.monotonic() + self._rng.uniform(0, interval_s)
        while True:
            await asyncio.sleep(due_s - time.monotonic())
            await self._act()
            due_s += self._rng.uniform(0.5, 1.5) * interval_s
            due_s = max(due_s, time.monotonic() - BEHIND_S_MAX)

    async def _act(self) -> None:
        client = self._client
        if client is None:
            return
        event = self._behaviour.choose(client.me, client.beings)
        if event is None:
            return
        began_s = time.monotonic()
        reply = await client.post(event["type"], **{name: value for name, value in event.items() if name != "type"})
        self._stats.note_sent()
        reply.add_done_callback(partial(self._on_reply, event, client.me.get("zone", ""), began_s))

    def _on_reply(self, event: dict[str, Any], zone: str, began_s: float, reply: Reply) -> None:
        error = reply.exception()
        self._stats.note_reply((time.monotonic() - began_s) * 1000, error)
        self._behaviour.learn(event, error.code if isinstance(error, GameError) else "", zone)
        if error is None and isinstance(self._behaviour, AttentiveBehaviour):
            self._behaviour.learn_data(event, reply.result())

    def _on_notice(self, notice: dict[str, Any]) -> None:
        self._stats.note_notice(notice["type"], notice.get("code", ""))
        if isinstance(self._behaviour, AttentiveBehaviour):
            self._behaviour.hear(notice)


def _is_final(error: Exception) -> bool:
    return isinstance(error, Refused) and error.code not in TRANSIENT_REFUSALS
