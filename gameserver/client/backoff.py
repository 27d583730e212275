"""Retrying with exponential backoff and full jitter, within bounds.

Delays double up to a cap, and each is drawn at random between zero and its bound, so that thousands of clients of a
gateway that died do not reconnect in the same instant. Clock, sleep and randomness are arguments.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import msgspec

from gameserver.errors import GameError

T = TypeVar("T")

_DOUBLINGS_MAX = 30  # beyond any sensible cap, and far from overflowing a float


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """The delays between attempts and the bounds on them. ``None`` in a bound: unlimited."""

    base_s: float = 0.2
    cap_s: float = 5.0
    attempts_max: int | None = 40
    total_s_max: float | None = 60.0

    def delay_s(self, failures: int, rng: Random) -> float:
        """Draw the delay after so many failures in a row."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2 ** min(failures, _DOUBLINGS_MAX)))

    def is_exhausted(self, failures: int, elapsed_s: float) -> bool:
        """Whether no further attempt is allowed."""
        too_often = self.attempts_max is not None and failures >= self.attempts_max
        too_long = self.total_s_max is not None and elapsed_s >= self.total_s_max
        return too_often or too_long


FOREVER = Backoff(attempts_max=None, total_s_max=None)
SESSION_KEPT_S = 3600.0  # so long a server keeps a session whose connection was lost


def while_away(backoff: Backoff) -> Backoff:
    """The same pauses, for a session whose connection was lost: tried for as long as a server keeps it.

    Giving up sooner helps nobody: what was not answered stays unknown, and a player would have to log in anew.
    """
    return msgspec.structs.replace(backoff, attempts_max=None, total_s_max=SESSION_KEPT_S)


async def retry(
    attempt: Callable[[], Awaitable[T]],
    backoff: Backoff,
    *,
    is_final: Callable[[Exception], bool],
    rng: Random,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    failures: int = 0,
) -> T:
    """Attempt until it succeeds. Raises the last attempt's error when it is final or the backoff is exhausted.

    ``failures``: how many preceded, so that a connection that breaks again and again is not rebuilt at full speed.
    """
    began_s = clock()
    while True:
        try:
            return await attempt()
        except (OSError, GameError) as error:
            failures += 1
            if is_final(error) or backoff.is_exhausted(failures, clock() - began_s):
                raise
        await sleep(backoff.delay_s(failures, rng))
