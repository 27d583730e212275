"""A crowd of bots: they enter, play as people would, and tell how it was.

Bots send at their own pace and do not wait for replies, so that a slow server is measured and not spared. They enter a
few at a time, because each password costs the server tens of milliseconds; the clock starts when all are in the world.
"""

import argparse
import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import msgspec
import uvloop

from gameserver.client.backoff import FOREVER, Backoff, persist
from gameserver.client.bots.behaviour import Mind
from gameserver.client.bots.run_stats import Summary, Tally
from gameserver.client.connection import CodecName
from gameserver.client.errors import Refused
from gameserver.client.pending import Reply
from gameserver.client.client import PASSING_REFUSALS, Client
from gameserver.errors import GameError

SETTLE_S_MAX = 10.0
LOGOUT_S_MAX = 5.0
BEHIND_S_MAX = 1.0  # a bot that fell behind by more does not catch up in a burst


class BotOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``rate``: events per second and bot. ``duration_s`` ``None``: for ever, coming back whatever happens.

    ``addresses``: gateways; each bot begins with another one. ``entering_max``: bots that log in at the same time.
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
    backoff: Backoff = Backoff()


class Bot:
    """One player without a person."""

    def __init__(self, number: int, options: BotOptions, tally: Tally, safe_zones: set[str]) -> None:
        self.entered = False
        self._options = options
        self._name = f"{options.name_prefix}{number}"
        self._rng = Random(f"{options.seed}/{number}")
        self._mind = Mind(self._rng, number, options.count, options.name_prefix, safe_zones)
        self._tally = tally
        first = number % len(options.addresses)
        self._addresses = options.addresses[first:] + options.addresses[:first]
        self._backoff = FOREVER if options.duration_s is None else options.backoff
        self._client: Client | None = None
        self._reconnects_before = 0

    @property
    def reconnects(self) -> int:
        """How often it had to come back."""
        return self._reconnects_before + (self._client.reconnects if self._client else 0)

    async def live(self, entrance: asyncio.Semaphore, start: asyncio.Event) -> None:
        """Enter, wait for the start, and play until cancelled. Raises ``GameError`` or ``OSError`` when it is out."""
        self.entered = False
        async with entrance:
            await persist(
                self._enter,
                self._backoff,
                hopeless=self._is_hopeless,
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
            on_notice=self._hear,
            backoff=self._options.backoff,
            rng=self._rng,
        )
        try:
            await client.open()
            await self._introduce(client)
        except BaseException:
            await client.close()
            raise

    async def _introduce(self, client: Client) -> None:
        try:
            await client.register(self._name, self._options.password)
        except Refused as refusal:
            if refusal.code != "name_taken":
                raise
            await client.login(self._name, self._options.password)

    def _is_hopeless(self, error: Exception) -> bool:
        return isinstance(error, Refused) and error.code not in PASSING_REFUSALS

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
        event = self._mind.choose(client.me, client.beings)
        began_s = time.monotonic()
        reply = await client.post(event["type"], **{name: value for name, value in event.items() if name != "type"})
        self._tally.asked()
        reply.add_done_callback(partial(self._answered, event, client.me["zone"], began_s))

    def _answered(self, event: dict[str, Any], zone: str, began_s: float, reply: Reply) -> None:
        error = reply.exception()
        self._tally.reply((time.monotonic() - began_s) * 1000, error)
        self._mind.learn(event, error.code if isinstance(error, GameError) else "", zone)

    def _hear(self, notice: dict[str, Any]) -> None:
        self._tally.notices[notice["type"]] += 1
        if notice["type"] == "error":
            self._tally.errors[notice["code"]] += 1


class Crowd:
    """All bots of a run."""

    def __init__(self, options: BotOptions, report: Callable[[str], None]) -> None:
        self.tally = Tally()
        self._options = options
        self._report = report
        self._entrance = asyncio.Semaphore(options.entering_max)
        self._start = asyncio.Event()
        safe_zones: set[str] = set()
        self._bots = [Bot(number, options, self.tally, safe_zones) for number in range(options.count)]
        self._lives: list[asyncio.Task[None]] = []
        self._began_s = time.monotonic()

    async def play(self, stop: asyncio.Event) -> Summary:
        """Enter, play for the duration or until ``stop``, and go."""
        live = self._live_forever if self._options.duration_s is None else self._live_once
        self._lives = [asyncio.create_task(live(bot)) for bot in self._bots]
        progress = asyncio.create_task(self._tell_progress())
        try:
            await self._gather_all(stop)
            await _wait(stop, self._options.duration_s)
            return await self._finish()
        finally:
            progress.cancel()
            await _cancel(self._lives)
            await asyncio.gather(*(bot.leave() for bot in self._bots))

    async def _gather_all(self, stop: asyncio.Event) -> None:
        """Wait until all are in the world or have given up; for ever-lasting crowds nobody waits."""
        if self._options.duration_s is not None:
            while not stop.is_set() and not all(self._is_settled(*pair) for pair in self._pairs()):
                await _wait(stop, 0.05)
        self._began_s = time.monotonic()
        self._start.set()

    def _pairs(self) -> list[tuple[Bot, asyncio.Task[None]]]:
        return list(zip(self._bots, self._lives, strict=True))

    def _is_settled(self, bot: Bot, life: asyncio.Task[None]) -> bool:
        return bot.entered or life.done()

    async def _finish(self) -> Summary:
        """Send no more, wait for what is still to be answered, and sum up."""
        duration_s = time.monotonic() - self._began_s
        await _cancel(self._lives)
        await _wait(self.tally.drained, SETTLE_S_MAX)
        return self.tally.summary(
            count=len(self._bots), entered=self._entered(), duration_s=duration_s, reconnects=self._reconnects()
        )

    async def _live_once(self, bot: Bot) -> None:
        try:
            await bot.live(self._entrance, self._start)
        except (OSError, GameError) as error:
            self.tally.failure(error)

    async def _live_forever(self, bot: Bot) -> None:
        while True:
            await self._live_once(bot)
            await bot.leave()
            await asyncio.sleep(self._options.backoff.cap_s)

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(1)
            elapsed_s = time.monotonic() - self._began_s
            self._report(self.tally.progress(elapsed_s, self._entered(), self._reconnects()))

    def _entered(self) -> int:
        return sum(bot.entered for bot in self._bots)

    def _reconnects(self) -> int:
        return sum(bot.reconnects for bot in self._bots)


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run(options: BotOptions, report: Callable[[str], None], stop: asyncio.Event | None = None) -> Summary:
    """Let a crowd play; ``report`` gets a line each second and the summary's lines. ``stop`` ends it early."""
    summary = await Crowd(options, report).play(stop or asyncio.Event())
    for line in summary.lines():
        report(line)
    return summary


def address(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair. Raises ``argparse.ArgumentTypeError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command line; ``main`` reads them."""
    default = BotOptions()
    parser.add_argument("--address", type=address, action="append", metavar="HOST:PORT", help="a gateway; repeatable")
    parser.add_argument("--count", type=int, default=default.count, help="how many bots")
    parser.add_argument("--rate", type=float, default=default.rate, help="events per second and bot")
    parser.add_argument("--duration", type=float, default=default.duration_s, help="seconds, once all are in the world")
    parser.add_argument("--forever", action="store_true", help="play on until stopped, and come back whatever happens")
    parser.add_argument("--seed", type=int, default=default.seed, help="for the bots' choices")
    parser.add_argument("--codec", choices=("msgpack", "json"), default=default.codec)
    parser.add_argument("--name-prefix", default=default.name_prefix, help="bots are called by this and a number")
    parser.add_argument("--password", default=default.password, help="the password of all bots")
    parser.add_argument("--entering-max", type=int, default=default.entering_max, help="logins at the same time")


def options_from(args: argparse.Namespace) -> BotOptions:
    """The options that the command line gave."""
    return BotOptions(
        addresses=tuple(args.address or BotOptions().addresses),
        count=args.count,
        rate=args.rate,
        duration_s=None if args.forever else args.duration,
        seed=args.seed,
        codec=args.codec,
        name_prefix=args.name_prefix,
        password=args.password,
        entering_max=args.entering_max,
    )


def main(args: argparse.Namespace) -> int:
    """Run until done or interrupted. 0 when everything was answered without errors."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # a crowd hears everything
        return 0 if runner.run(_run_until_signal(options_from(args))).ok else 1


async def _run_until_signal(options: BotOptions) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await run(options, partial(print, flush=True), stop)
