"""Server time as a process learns it: two clocks that the test moves, and what it hears of a third."""

from random import Random

import pytest

from gameserver.server_time import DRIFT_MS_PER_S, ServerClock

EPOCH_MS = 1_700_000_000_000
BY_MS = 600_000


class Clocks:
    """A process on a machine whose clock is ``wrong_ms`` ahead of the server's."""

    def __init__(self, wrong_ms: float = 0) -> None:
        self.steady_s = 5_000.0
        self.wrong_ms = wrong_ms
        self.set_ms = 0.0  # by which the server's clock was set meanwhile
        self.clock = ServerClock(lambda: self.steady_s, lambda: self.server_ms + self.wrong_ms)

    @property
    def server_ms(self) -> float:
        return EPOCH_MS + self.steady_s * 1000 + self.set_ms

    def hear(self, there_s: float, back_s: float) -> None:
        """A message goes there and back, and says when it was there."""
        after_s = self.steady_s
        self.steady_s += there_s
        seen_ms = int(self.server_ms)
        self.steady_s += back_s
        self.clock.learn(seen_ms, after_s, self.steady_s)

    @property
    def error_ms(self) -> float:
        return abs(self.clock.now_ms() - self.server_ms)


def test_the_machines_clock_is_believed_until_more_is_known() -> None:
    assert Clocks(BY_MS).error_ms == pytest.approx(BY_MS, abs=1)


@pytest.mark.parametrize("wrong_ms", [BY_MS, -BY_MS, 0])
def test_one_message_says_what_the_time_is_as_exactly_as_it_was_quick(wrong_ms: int) -> None:
    clocks = Clocks(wrong_ms)
    clocks.hear(0.004, 0.006)
    assert clocks.error_ms <= 11
    assert clocks.clock.skew_ms == pytest.approx(wrong_ms, abs=11)


def test_the_quickest_message_counts_and_slow_ones_do_no_harm() -> None:
    clocks, dice = Clocks(BY_MS), Random(1)
    for _ in range(50):
        clocks.hear(dice.uniform(0, 5), dice.uniform(0, 5))
        clocks.hear(0.001, 0.001)
        assert clocks.error_ms <= 3 + 10 * DRIFT_MS_PER_S


def test_setting_the_machines_clock_changes_nothing() -> None:
    clocks = Clocks()
    clocks.hear(0.001, 0.001)
    clocks.wrong_ms = -BY_MS
    assert clocks.error_ms <= 3
    assert clocks.clock.skew_ms == pytest.approx(-BY_MS, abs=3)


@pytest.mark.parametrize("set_ms", [BY_MS, -BY_MS])
def test_a_servers_clock_that_is_set_is_followed(set_ms: int) -> None:
    clocks = Clocks()
    clocks.hear(0.001, 0.001)
    clocks.set_ms = set_ms
    clocks.hear(0.002, 0.001)
    assert clocks.error_ms <= 4


def test_what_was_learned_long_ago_gives_way_to_a_clock_that_drifted() -> None:
    clocks = Clocks()
    clocks.hear(0.0001, 0.0001)
    for _ in range(100):
        clocks.steady_s += 60
        clocks.set_ms += 6  # 100 parts in a million
        clocks.hear(0.02, 0.02)
    assert clocks.error_ms <= 60


def test_the_time_goes_on_between_messages() -> None:
    clocks = Clocks(BY_MS)
    clocks.hear(0.001, 0.001)
    before_ms = clocks.clock.now_ms()
    clocks.steady_s += 30
    assert clocks.clock.now_ms() - before_ms == pytest.approx(30_000, abs=1)
    assert clocks.clock.age_s == pytest.approx(30)
