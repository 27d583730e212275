"""The derivation: what waits take of the budget, and what stretches them."""

import pytest

from gameserver import latency
from gameserver.latency import (
    AGE_HIGH,
    AGE_LOW,
    BUSY,
    COMPANY_FULL,
    COMPANY_MIN,
    FREE,
    GATHER_SHARE,
    GATHER_SHARE_MIN,
    STRETCH_MAX,
    ArrivalRate,
)

BUDGET_S = 0.1
GATHER_S = latency.gather_s(BUDGET_S)


def test_gathering_and_holding_leave_a_good_part_of_the_budget_to_the_way() -> None:
    assert latency.gather_s(BUDGET_S) + latency.hold_s(BUDGET_S) <= 0.75 * BUDGET_S


def test_gathering_gives_way_to_a_way_that_takes_long_and_comes_back() -> None:
    share = GATHER_SHARE
    for _ in range(50):
        share = latency.gather_share(share, AGE_HIGH + 0.01)
    assert share == GATHER_SHARE_MIN
    assert latency.gather_share(share, (AGE_LOW + AGE_HIGH) / 2) == share
    for _ in range(50):
        share = latency.gather_share(share, AGE_LOW - 0.01)
    assert share == GATHER_SHARE


def test_what_is_kept_to_at_a_results_arrival_leaves_half_of_the_budget_at_the_median() -> None:
    assert AGE_HIGH < 0.5
    assert 2 * AGE_HIGH < 1  # the slowest are twice as old


def test_own_replies_wait_less_than_half_of_the_budget_at_the_median() -> None:
    """Of a place that is busy an event waits three quarters of the gathering at the median, at most."""
    assert 0.75 * GATHER_S < BUDGET_S / 2


@pytest.mark.parametrize("budget_s", [0.03, 0.1, 0.4])
def test_all_waits_are_parts_of_the_budget(budget_s: float) -> None:
    assert latency.gather_s(budget_s) / GATHER_S == pytest.approx(budget_s / BUDGET_S)
    assert latency.hold_s(budget_s) / latency.hold_s(BUDGET_S) == pytest.approx(budget_s / BUDGET_S)


def test_where_no_company_comes_nobody_lingers_and_where_much_does_for_as_long_as_the_budget_allows() -> None:
    assert latency.linger_s(0.0, GATHER_S) == 0
    assert latency.linger_s(40, GATHER_S) == 0  # twenty players
    assert latency.linger_s(COMPANY_MIN / GATHER_S, GATHER_S) == 0
    assert 0 < latency.linger_s(1.5 * COMPANY_MIN / GATHER_S, GATHER_S) < GATHER_S
    assert latency.linger_s(COMPANY_FULL / GATHER_S, GATHER_S) == pytest.approx(GATHER_S)


def test_many_do_not_linger_longer_than_enough() -> None:
    assert latency.linger_s(100_000, GATHER_S) == pytest.approx(GATHER_S)


@pytest.mark.parametrize("spread", [1, 10])
def test_a_rate_is_learned_whether_events_are_counted_one_by_one_or_together(spread: int) -> None:
    rate = ArrivalRate(0.0)
    for n in range(1, 301):
        rate.count(spread, n * 0.01 * spread)
    assert rate.per_s == pytest.approx(100, rel=0.15)


def test_a_rate_fades_when_nothing_comes() -> None:
    rate = ArrivalRate(0.0)
    rate.count(1000, 1.0)
    rate.count(0, 11.0)
    assert rate.per_s < 1


def test_only_a_saturated_processor_stretches_step_by_step_and_to_a_bound() -> None:
    stretch = latency.stretched(1.0, BUSY)
    assert 1 < stretch < STRETCH_MAX
    for _ in range(20):
        stretch = latency.stretched(stretch, 1.0)
    assert stretch == STRETCH_MAX
    assert latency.stretched(stretch, (BUSY + FREE) / 2) == stretch
    for _ in range(20):
        stretch = latency.stretched(stretch, 0.0)
    assert stretch == 1
