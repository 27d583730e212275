"""Server time: one clock decides, the data tier's, and every process learns how far its own is from it.

Server time is the database server's clock on PostgreSQL, and the machine's own on SQLite. A process that learned it
counts on from there with its monotonic clock: setting the machine's clock changes nothing.
"""

from collections.abc import Callable
from math import inf

# How far two clocks may be apart where their times are compared. What lies beyond is not believed; see the section
# "Clocks" of docs/architecture.md for what happens instead.
CLOCK_TOLERANCE_MS = 1_000

DRIFT_MS_PER_S = 0.2  # two monotonic clocks move apart by less: 200 parts in a million


class ServerClock:
    """The data tier's time, as well as this process knows it.

    ``steady_s``: monotonic seconds. ``wall_ms``: the machine's clock, which is believed until more is known.
    """

    def __init__(self, steady_s: Callable[[], float], wall_ms: Callable[[], float]) -> None:
        self._steady_s = steady_s
        self._wall_ms = wall_ms
        self._ahead_ms = wall_ms() - steady_s() * 1000  # server time less the steady clock's
        self._least_ms, self._most_ms = -inf, inf  # between which that lies, by what was learned
        self._learned_s = -inf

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._steady_s() * 1000 + self._ahead_ms)

    @property
    def skew_ms(self) -> float:
        """How far this machine's clock is ahead of the server's."""
        return self._wall_ms() - self._steady_s() * 1000 - self._ahead_ms

    @property
    def age_s(self) -> float:
        """Since when nothing was learned."""
        return self._steady_s() - self._learned_s

    def learn(self, server_ms: int, after_s: float, before_s: float) -> None:
        """The server's clock showed ``server_ms`` at some moment between these two of the steady clock.

        The moments narrow down what the difference can be, the more the closer they are. A difference that contradicts
        what was known means that the server's clock was set: then only the new one counts. What was believed is kept
        while it is possible; otherwise the middle of what is possible is the least wrong.
        """
        least_ms, most_ms = server_ms - before_s * 1000, server_ms + 1 - after_s * 1000
        drift_ms = max(0.0, before_s - self._learned_s) * DRIFT_MS_PER_S
        self._learned_s = max(self._learned_s, before_s)
        known_least_ms, known_most_ms = self._least_ms - drift_ms, self._most_ms + drift_ms
        if least_ms <= known_most_ms and most_ms >= known_least_ms:
            least_ms, most_ms = max(least_ms, known_least_ms), min(most_ms, known_most_ms)
        self._least_ms, self._most_ms = least_ms, most_ms
        if not least_ms <= self._ahead_ms <= most_ms:
            self._ahead_ms = (least_ms + most_ms) / 2
