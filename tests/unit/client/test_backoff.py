"""Retrying: delays grow to a cap, are drawn below it, and end."""

from random import Random

import pytest

from gameserver.client.backoff import FOREVER, Backoff, retry
from gameserver.errors import GameError


class Clock:
    """Time passes by sleeping only."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)
        self.now_s += delay_s


class Attempts:
    """Fails so many times, then succeeds."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left = failures
        self.made = 0
        self.error = error or ConnectionRefusedError("nobody there")

    async def __call__(self) -> str:
        self.made += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


async def retrying(attempts: Attempts, backoff: Backoff, clock: Clock, failures: int = 0) -> str:
    return await retry(
        attempts,
        backoff,
        is_final=lambda error: isinstance(error, GameError) and error.code == "hopeless",
        rng=Random(1),
        clock=clock,
        sleep=clock.sleep,
        failures=failures,
    )


def test_delays_are_drawn_below_a_ceiling_that_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base_s=1.0, cap_s=8.0)
    for failures, ceiling_s in ((0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0), (4, 8.0), (10_000, 8.0)):
        delays = [backoff.delay_s(failures, Random(seed)) for seed in range(200)]
        assert 0 <= min(delays) < 0.1 * ceiling_s
        assert 0.9 * ceiling_s < max(delays) <= ceiling_s


async def test_retrying_gives_the_first_success() -> None:
    attempts, clock = Attempts(3), Clock()
    assert await retrying(attempts, Backoff(), clock) == "done"
    assert len(clock.slept) == 3


async def test_patience_ends_after_the_attempts() -> None:
    attempts = Attempts(100)
    with pytest.raises(ConnectionRefusedError):
        await retrying(attempts, Backoff(attempts_max=7, total_s_max=None), Clock())
    assert attempts.made == 7


async def test_patience_ends_after_the_time() -> None:
    clock = Clock()
    with pytest.raises(ConnectionRefusedError):
        await retrying(Attempts(10_000), Backoff(attempts_max=None, total_s_max=60.0, cap_s=5.0), clock)
    assert 60 <= clock.now_s <= 65


async def test_some_patience_never_ends() -> None:
    attempts = Attempts(5_000)
    assert await retrying(attempts, FOREVER, Clock()) == "done"


async def test_what_is_hopeless_is_not_tried_again() -> None:
    attempts = Attempts(100, GameError("hopeless", "No."))
    with pytest.raises(GameError):
        await retrying(attempts, Backoff(), Clock())
    assert attempts.made == 1


async def test_our_own_mistakes_are_not_tried_again() -> None:
    attempts = Attempts(100, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await retrying(attempts, Backoff(), Clock())
    assert attempts.made == 1


async def test_failures_before_count_towards_the_end() -> None:
    attempts = Attempts(100)
    with pytest.raises(ConnectionRefusedError):
        await retrying(attempts, Backoff(attempts_max=7), Clock(), failures=5)
    assert attempts.made == 2
