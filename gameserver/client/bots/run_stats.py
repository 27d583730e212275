"""The measurements of a run of bots: counted as it goes, summed up at the end.

Latencies go to a histogram of fixed, geometric steps, so that a run of weeks needs no more memory than one of a minute.
A percentile read from it is at most 2 % too high.
"""

import asyncio
import math
from collections import Counter

import msgspec

from gameserver.client.errors import ConnectionLost
from gameserver.errors import GameError

# What a server answers truthfully that can't do something now: nothing was done, and it may be tried again.
FOR_THE_TIME = frozenset({"busy", "unavailable", "stale"})

STEP = 1.02
_LOG_STEP = math.log(STEP)
_SMALLEST_MS = 0.01


class Latencies:
    """A histogram of milliseconds."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.max_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one reply."""
        self._counts[math.ceil(math.log(max(ms, _SMALLEST_MS)) / _LOG_STEP)] += 1
        self.max_ms = max(self.max_ms, ms)

    def percentile_ms(self, percent: float) -> float:
        """Compute the latency that ``percent`` of all did not exceed; 0 when there were none."""
        rest = math.ceil(self._counts.total() * percent / 100)
        for step in sorted(self._counts):
            rest -= self._counts[step]
            if rest <= 0:
                return min(STEP**step, self.max_ms)
        return self.max_ms


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run. ``refused`` and ``errors`` by code, ``notices`` by type; ``entered``: bots of ``count``."""

    count: int
    entered: int
    duration_s: float
    sent: int
    answered: int
    unanswered: int
    refused: dict[str, int]
    errors: dict[str, int]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    notices: dict[str, int]
    reconnects: int

    @property
    def ok(self) -> bool:
        """Whether everything was answered, and what was refused was refused by the rules or for the time."""
        return self.entered == self.count and not self.unanswered and set(self.errors) <= FOR_THE_TIME

    @property
    def verdict(self) -> str:
        """Say in a few words how the run went: a server that says that it is short of something keeps its promises."""
        if not self.ok:
            return "NOT OK"
        return "ok, though some were told to try again later" if self.errors else "ok"

    def lines(self) -> list[str]:
        """Format the summary as text."""
        return [
            f"{self.entered} of {self.count} bots played for {self.duration_s:.1f} s",
            f"sent {self.sent}, answered {self.answered}, unanswered {self.unanswered}, reconnects {self.reconnects}",
            f"refused by the game's rules: {by_count(self.refused)}",
            f"errors: {by_count(self.errors)}",
            f"latency ms: p50 {self.p50_ms:.1f}, p95 {self.p95_ms:.1f}, p99 {self.p99_ms:.1f}, max {self.max_ms:.1f}",
            f"notices: {by_count(self.notices)}",
            self.verdict,
        ]


class RunStats:
    """Counts events, replies and notices of all bots of a run.

    ``refusals``: the codes of refusals by the game's rules, which are part of playing; any other is an error.
    """

    def __init__(self, refusals: frozenset[str] = frozenset()) -> None:
        self._refusals = refusals
        self.drained = asyncio.Event()  # nothing that was sent may still be answered
        self.drained.set()
        self.sent = 0
        self.answered = 0
        self.lost = 0  # sent, and never to be answered: their connection is gone for good
        self.refused: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()
        self.latencies = Latencies()

    @property
    def waiting(self) -> int:
        """How many events may still be answered."""
        return self.sent - self.answered - self.lost

    def note_sent(self) -> None:
        """Count an event that was sent."""
        self.sent += 1
        self.drained.clear()

    def note_reply(self, latency_ms: float, error: BaseException | None) -> None:
        """Count an event that was answered, or lost with its connection."""
        if isinstance(error, ConnectionLost):
            self.lost += 1
        else:
            self._answer(latency_ms, error)
        if not self.waiting:
            self.drained.set()

    def _answer(self, latency_ms: float, error: BaseException | None) -> None:
        self.answered += 1
        self.latencies.add(latency_ms)
        if error is not None:
            self.note_failure(error)

    def note_failure(self, error: BaseException) -> None:
        """Count a refusal or an error by its code."""
        code = error.code if isinstance(error, GameError) else type(error).__name__
        (self.refused if code in self._refusals else self.errors)[code] += 1

    def note_notice(self, type_: str, code: str = "") -> None:
        """Count a notice. ``code``: of an error that answers no event."""
        self.notices[type_] += 1
        if type_ == "error":
            self.errors[code] += 1

    def progress(self, elapsed_s: float, entered: int, reconnects: int) -> str:
        """Format one line on the progress."""
        p50_ms, p99_ms = self.latencies.percentile_ms(50), self.latencies.percentile_ms(99)
        return (
            f"{elapsed_s:6.0f} s  bots {entered}  sent {self.sent}  answered {self.answered}"
            f"  refused {self.refused.total()}  errors {self.errors.total()}  waiting {self.waiting}"
            f"  p50 {p50_ms:.1f} ms  p99 {p99_ms:.1f} ms  reconnects {reconnects}"
        )

    def summary(self, *, count: int, entered: int, duration_s: float, reconnects: int) -> Summary:
        """Make the summary of the run. ``entered`` of ``count`` bots were in the world for ``duration_s``."""
        return Summary(
            count=count,
            entered=entered,
            duration_s=duration_s,
            sent=self.sent,
            answered=self.answered,
            unanswered=self.sent - self.answered,
            refused=dict(self.refused),
            errors=dict(self.errors),
            p50_ms=self.latencies.percentile_ms(50),
            p95_ms=self.latencies.percentile_ms(95),
            p99_ms=self.latencies.percentile_ms(99),
            max_ms=self.latencies.max_ms,
            notices=dict(self.notices),
            reconnects=reconnects,
        )


def by_count(counts: dict[str, int]) -> str:
    """Format names with their counts, the most frequent first."""
    return ", ".join(f"{name} {n}" for name, n in Counter(counts).most_common()) or "none"
