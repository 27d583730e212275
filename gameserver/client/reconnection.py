"""When a client tries to connect again, how long it waits before, and when it gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from gameserver.client.backoff import Backoff, retry
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.errors import GameError

# The server says the same however often it is asked.
FINAL_FAREWELLS = frozenset({"protocol_mismatch", "catalogue_mismatch"})
# A login or resume refused with one of these may be granted in a moment; any other code is final.
TRANSIENT_REFUSALS = frozenset({"busy", "unavailable", "stale", "dead_lettered", "flooding"})

Attempt = Callable[[], Awaitable[None]]


class Reconnection:
    """Retries attempts to connect, and runs those that follow a loss in a task of its own.

    ``backoff``: of attempts to begin; ``away``: of those to replace a lost connection. ``count``: how often one was
    replaced. ``is_over``: whether the client has ended meanwhile.
    """

    def __init__(
        self,
        backoff: Backoff,
        away: Backoff,
        *,
        is_over: Callable[[], bool],
        clock: Callable[[], float],
        rng: Random,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.count = 0
        self._backoff = backoff
        self._away = away
        self._is_over = is_over
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._entered_s = 0.0
        self._short_lives = 0
        self._task: asyncio.Task[None] | None = None

    async def retry(self, attempt: Attempt) -> None:
        """Attempt to connect until it succeeds. Raises the last error when it is final or patience is exhausted."""
        await self._retry(attempt, self._backoff)

    async def _retry(self, attempt: Attempt, backoff: Backoff) -> None:
        await retry(
            attempt,
            backoff,
            is_final=self._is_final,
            rng=self._rng,
            clock=self._clock,
            sleep=self._sleep,
            failures=self._short_lives,
        )

    def note_entrance(self, *, resumed: bool) -> None:
        """Remember when the connection came into use."""
        self.count += resumed
        self._entered_s = self._clock()

    def start(self, attempt: Attempt, on_failure: Callable[[ConnectionLost], None]) -> None:
        """Begin to replace the connection that was just lost; call ``on_failure`` when that is given up."""
        # A connection that breaks as soon as it is made must not be made again at full speed.
        was_short = self._clock() - self._entered_s < self._backoff.cap_s
        self._short_lives = self._short_lives + 1 if was_short else 0
        self._task = asyncio.create_task(self._run(attempt, on_failure))

    async def stop(self) -> None:
        """Cancel the attempts to replace the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, attempt: Attempt, on_failure: Callable[[ConnectionLost], None]) -> None:
        try:
            await self._sleep(self._backoff.delay_s(self._short_lives, self._rng))
            await self._retry(attempt, self._away)
        except (OSError, GameError) as error:
            on_failure(ConnectionLost.because_of(error))

    def _is_final(self, error: Exception) -> bool:
        if isinstance(error, Refused):
            return error.code not in TRANSIENT_REFUSALS
        return self._is_over() or (isinstance(error, GameError) and error.code in FINAL_FAREWELLS)
