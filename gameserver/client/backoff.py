"""Trying again, ever more slowly, and not for ever.

Delays double up to a cap and are drawn at random below it ("full jitter"), so that thousands of clients of a gateway
that died do not come back in the same instant. Clock, sleep and randomness are arguments.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import msgspec

from gameserver.errors import GameError

T = TypeVar("T")

_DOUBLINGS_MAX = 30  # beyond any sensible cap, and far from overflowing a float


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently to try again. ``None`` in a bound: for ever."""

    base_s: float = 0.2
    cap_s: float = 5.0
    attempts_max: int | None = 40
    total_s_max: float | None = 60.0

    def delay_s(self, failures: int, rng: Random) -> float:
        """How long to wait after so many failures in a row."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2 ** min(failures, _DOUBLINGS_MAX)))

    def spent(self, failures: int, elapsed_s: float) -> bool:
        """Whether patience is at its end."""
        too_often = self.attempts_max is not None and failures >= self.attempts_max
        too_long = self.total_s_max is not None and elapsed_s >= self.total_s_max
        return too_often or too_long


FOREVER = Backoff(attempts_max=None, total_s_max=None)


async def persist(
    attempt: Callable[[], Awaitable[T]],
    backoff: Backoff,
    *,
    hopeless: Callable[[Exception], bool],
    rng: Random,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    failures: int = 0,
) -> T:
    """Attempt until it succeeds. Raises the last attempt's error when it is hopeless or patience is spent.

    ``failures``: how many went before, so that a connection that breaks again and again is not rebuilt at full speed.
    """
    began_s = clock()
    while True:
        try:
            return await attempt()
        except (OSError, GameError) as error:
            failures += 1
            if hopeless(error) or backoff.spent(failures, clock() - began_s):
                raise
        await sleep(backoff.delay_s(failures, rng))
