"""Bots that play in a thread of their own, while a test does its worst to the processes behind."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gameserver.client.bots import crowd
from gameserver.client.bots.bot import BotOptions
from gameserver.client.bots.run_stats import STEP, Latencies, Summary
from gameserver.testing.processes import GatewayProc, eventually

NOT_NOW = {"stale", "unavailable"}  # what may be answered while a family has no worker
UNTIL_STOPPED_S = 600.0


class Crowd(threading.Thread):
    """A crowd that plays for ``duration_s``, or until its summary is asked for."""

    def __init__(
        self,
        *gateways: GatewayProc,
        count: int,
        prefix: str,
        duration_s: float = UNTIL_STOPPED_S,
        rate: float = 2.0,
        profile: str = "",
    ) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._summary: Summary | None = None
        self._latencies = Latencies()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._options = BotOptions(
            addresses=tuple(gateway.address for gateway in gateways),
            count=count,
            rate=rate,
            duration_s=duration_s,
            name_prefix=prefix,
            profile=profile,
        )

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            self._summary = runner.run(self._play())

    async def _play(self) -> Summary:
        made = crowd.Crowd(self._options, self.lines.append)
        self._latencies = made.stats.latencies
        summary = await made.play(self._over)
        self.lines += summary.lines()
        return summary

    def __enter__(self) -> "Crowd":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.finish()

    def wait_until_playing(self) -> None:
        """All are in the world, and something was answered."""
        eventually(lambda: self.lines and "answered 0" not in self.lines[-1], "a playing crowd", 60)

    def finish(self) -> None:
        """Play no more, and wait for the last answers."""
        with contextlib.suppress(RuntimeError):  # its time is over, and its loop closed
            self._loop.call_soon_threadsafe(self._over.set)
        self.join(90)
        assert not self.is_alive()

    def summary(self) -> Summary:
        """How it was, when the time is over."""
        if self._options.duration_s == UNTIL_STOPPED_S:
            self.finish()
        self.join(90)
        assert self._summary is not None, self.lines
        return self._summary


class Windows:
    """Replies to several crowds together, in one stretch of time after the other.

    A stretch ends at the first look after ``replies`` of them: a percentile of too few is that of one. So a bad stretch
    is not made good by long quiet ones.
    """

    def __init__(self, crowds: Sequence[Crowd], replies: int) -> None:
        self._crowds = crowds
        self._replies = replies
        self._before: Counter[int] = Counter()
        self.found: list[Latencies] = []

    def look(self) -> None:
        """End a stretch, if it has enough."""
        now = self._counts()
        fresh = Latencies()
        fresh._counts = now - self._before
        fresh.max_ms = max((STEP**step for step in fresh._counts), default=0.0)
        if fresh._counts.total() >= self._replies:
            self.found.append(fresh)
            self._before = now

    def _counts(self) -> Counter[int]:
        return sum((Counter(each._latencies._counts) for each in self._crowds), Counter[int]())
