"""Which failures end the attempts to connect, and how fast a connection that keeps breaking is replaced."""

import asyncio
from random import Random
from typing import Any

import pytest

from gameserver.client.backoff import SESSION_KEPT_S, Backoff, while_away
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.reconnection import FINAL_FAREWELLS, TRANSIENT_REFUSALS, Reconnection


class Clock:
    """Time that tests set. ``slept``: the delays that were asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)


class Highest(Random):
    """Draws the upper end of every range, so that a delay is its own bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def reconnection_of(clock: Clock, *, over: bool = False) -> Reconnection:
    backoff = Backoff(base_s=1.0, cap_s=8.0, attempts_max=3)
    return Reconnection(backoff, backoff, is_over=lambda: over, clock=clock, rng=Highest(), sleep=clock.sleep)


class Attempts:
    """Attempts to connect that always fail."""

    def __init__(self, error: Exception) -> None:
        self.made = 0
        self.error = error

    async def __call__(self) -> None:
        self.made += 1
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        OSError("nobody there"),
        ConnectionLost("going_away", ""),
        *(Refused(code, "") for code in sorted(TRANSIENT_REFUSALS)),
    ],
    ids=str,
)
async def test_what_may_pass_is_tried_again(error: Exception) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await reconnection_of(Clock()).retry(attempts)
    assert attempts.made == 3


@pytest.mark.parametrize(
    "error",
    [Refused("bad_token", ""), *(ConnectionLost(code, "") for code in sorted(FINAL_FAREWELLS))],
    ids=str,
)
async def test_what_is_final_is_tried_once(error: Exception) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await reconnection_of(Clock()).retry(attempts)
    assert attempts.made == 1


async def test_a_client_that_has_ended_does_not_try_again() -> None:
    attempts = Attempts(OSError("nobody there"))
    with pytest.raises(OSError, match="nobody there"):
        await reconnection_of(Clock(), over=True).retry(attempts)
    assert attempts.made == 1


async def lose(reconnection: Reconnection, attempt: Any) -> list[ConnectionLost]:
    """Lose the connection and wait until it is replaced or given up."""
    failures: list[ConnectionLost] = []
    reconnection.start(attempt, failures.append)
    assert reconnection._task is not None
    await reconnection._task
    return failures


async def test_a_connection_that_breaks_again_and_again_is_replaced_ever_more_slowly() -> None:
    clock = Clock()
    reconnection = reconnection_of(clock)

    async def resumed() -> None:
        reconnection.note_entrance(resumed=True)

    for _ in range(3):
        assert await lose(reconnection, resumed) == []
    clock.now_s += 100.0  # this one held
    await lose(reconnection, resumed)
    assert clock.slept == [2.0, 4.0, 8.0, 1.0]
    assert reconnection.count == 4


async def test_giving_up_is_reported_with_its_reason() -> None:
    (lost,) = await lose(reconnection_of(Clock()), Attempts(OSError("nobody there")))
    assert (lost.code, lost.message) == ("unreachable", "No gateway answered: nobody there.")


async def test_stopping_cancels_the_attempts() -> None:
    reconnection = reconnection_of(Clock())

    async def forever() -> None:
        await asyncio.Event().wait()

    await reconnection.stop()
    reconnection.start(forever, pytest.fail)
    await reconnection.stop()
    assert reconnection._task is not None
    assert reconnection._task.cancelled()


@pytest.mark.parametrize(("back_at_s", "comes_back"), [(600.0, True), (SESSION_KEPT_S + 60, False)])
async def test_a_lost_connection_is_tried_for_as_long_as_the_server_keeps_the_session(
    back_at_s: float, comes_back: bool
) -> None:
    """An engine that is restarted, a cluster that is upgraded: longer than a client tries to begin."""
    clock, lost, done = Clock(), list[str](), asyncio.Event()

    async def sleep(delay_s: float) -> None:
        clock.now_s += delay_s

    async def attempt() -> None:
        if clock.now_s < back_at_s:
            raise OSError("nobody there")
        done.set()

    def gone(reason: ConnectionLost) -> None:
        lost.append(reason.code)
        done.set()

    usual = Backoff()
    away = Reconnection(usual, while_away(usual), is_over=lambda: False, clock=clock, rng=Highest(), sleep=sleep)
    away.start(attempt, gone)
    await done.wait()
    assert (lost == []) is comes_back
    clock.now_s = 0.0
    with pytest.raises(OSError, match="nobody"):
        await away.retry(Attempts(OSError("nobody there")))
