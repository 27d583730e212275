"""A crowd of bots that play together, and the measurements of a run.

Bots enter a few at a time, because each password costs the server tens of milliseconds; the clock starts when all are
in the world.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from gameserver.client.bots.bot import Bot, BotOptions
from gameserver.client.bots.profile import profile
from gameserver.client.bots.run_stats import RunStats, Summary
from gameserver.errors import GameError

ENTERING_LINES = 10  # at most, while bots log in: each password takes the server its time


class Crowd:
    """The bots of a run. ``report`` gets a line on the progress each second."""

    def __init__(self, options: BotOptions, report: Callable[[str], None]) -> None:
        plays = profile(options.profile)
        self.stats = RunStats(plays.refusals)
        self._options = options
        self._report = report
        self._entrance = asyncio.Semaphore(options.entering_max)
        self._start = asyncio.Event()
        found: set[str] = set()
        self._bots = [Bot(number, options, plays, self.stats, found) for number in range(options.count)]
        self._tasks: list[asyncio.Task[None]] = []
        self._began_s = time.monotonic()

    async def play(self, stop: asyncio.Event) -> Summary:
        """Enter, play for the duration or until ``stop``, and leave."""
        play = self._play_forever if self._options.duration_s is None else self._play_once
        self._tasks = [asyncio.create_task(play(bot)) for bot in self._bots]
        progress = asyncio.create_task(self._report_progress())
        try:
            await self._wait_for_entrances(stop)
            await _wait(stop, self._options.duration_s)
            return await self._finish()
        finally:
            progress.cancel()
            await _cancel(self._tasks)
            await asyncio.gather(*(bot.leave() for bot in self._bots))

    async def _wait_for_entrances(self, stop: asyncio.Event) -> None:
        """Start the clock once each bot is in the world or has given up; in a run without end, at once."""
        if self._options.duration_s is not None:
            while not stop.is_set() and not all(self._is_settled(*pair) for pair in self._pairs()):
                await _wait(stop, 0.05)
        self._began_s = time.monotonic()
        self._start.set()

    def _pairs(self) -> list[tuple[Bot, asyncio.Task[None]]]:
        return list(zip(self._bots, self._tasks, strict=True))

    def _is_settled(self, bot: Bot, task: asyncio.Task[None]) -> bool:
        return bot.entered or task.done()

    async def _finish(self) -> Summary:
        """Send no more, wait for what is still to be answered, and sum up."""
        duration_s = time.monotonic() - self._began_s
        await _cancel(self._tasks)
        await _wait(self.stats.drained, self._options.settle_s)
        return self.stats.summary(
            count=len(self._bots), entered=self._entered(), duration_s=duration_s, reconnects=self._reconnects()
        )

    async def _play_once(self, bot: Bot) -> None:
        try:
            await bot.enter_and_play(self._entrance, self._start)
        except (OSError, GameError) as error:
            self.stats.note_failure(error)

    async def _play_forever(self, bot: Bot) -> None:
        while True:
            await self._play_once(bot)
            await bot.leave()
            await asyncio.sleep(self._options.backoff.cap_s)

    async def _report_progress(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(1)
            if self._start.is_set():
                elapsed_s = time.monotonic() - self._began_s
                self._report(self.stats.progress(elapsed_s, self._entered(), self._reconnects()))
            elif self._entered() >= told + max(1, len(self._bots) // ENTERING_LINES):
                told = self._entered()
                self._report(f"entering: {told} of {len(self._bots)} bots are in the world")

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
