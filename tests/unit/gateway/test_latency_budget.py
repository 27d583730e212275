"""The derivation: what waits take of the budget, and what stretches them."""

import pytest

from gateway import latency_budget
from gateway.latency_budget import (
    BATCH_EVENTS,
    BUSY,
    COMPANY_FULL,
    COMPANY_MIN,
    FREE,
    GATHER_SHARE,
    GATHER_SHARE_MIN,
    STRETCH_MAX,
    TOLD_SHARE,
    ArrivalRate,
)

BUDGET_S = 0.1
GATHER_S = GATHER_SHARE * BUDGET_S
WAY_SHARE = 0.06  # of a batch through queue and process, where a few hundred events come in a second
MANY_WAY_SHARE = 0.16  # and where thousands come


def test_own_replies_are_there_after_less_than_half_of_the_budget_at_the_median() -> None:
    assert GATHER_SHARE / 2 + WAY_SHARE < 0.5
    assert GATHER_SHARE_MIN / 2 + MANY_WAY_SHARE < 0.5


def test_sights_are_told_so_early_that_there_is_time_to_write_to_all_who_watch() -> None:
    assert TOLD_SHARE <= 0.75


@pytest.mark.parametrize("per_s", [0, 150, 300, 800, 4_000, 100_000])
@pytest.mark.parametrize("budget_s", [0.03, 0.1, 0.4])
def test_all_waits_are_parts_of_the_budget(per_s: float, budget_s: float) -> None:
    linger_s = latency_budget.linger_s(per_s, budget_s)
    assert linger_s <= GATHER_SHARE * budget_s
    assert linger_s + latency_budget.hold_s(linger_s, budget_s) <= TOLD_SHARE * budget_s
    assert latency_budget.next_s(linger_s) <= linger_s
    assert latency_budget.round_s(budget_s) / latency_budget.round_s(BUDGET_S) == pytest.approx(budget_s / BUDGET_S)


def test_where_no_company_comes_nobody_lingers_and_where_some_does_for_as_long_as_the_budget_allows() -> None:
    assert latency_budget.linger_s(0.0, BUDGET_S) == 0
    assert latency_budget.linger_s(40, BUDGET_S) == 0  # twenty players
    assert latency_budget.linger_s(COMPANY_MIN / GATHER_S, BUDGET_S) == 0
    assert 0 < latency_budget.linger_s(1.5 * COMPANY_MIN / GATHER_S, BUDGET_S) < GATHER_S
    assert latency_budget.linger_s(COMPANY_FULL / GATHER_S, BUDGET_S) == pytest.approx(GATHER_S)
    assert latency_budget.linger_s(BATCH_EVENTS / GATHER_S, BUDGET_S) == pytest.approx(GATHER_S)


def test_where_many_come_they_linger_until_they_are_worth_a_task_and_then_for_a_part_of_the_budget() -> None:
    assert latency_budget.linger_s(2_500, BUDGET_S) == pytest.approx(BATCH_EVENTS / 2_500)
    assert latency_budget.linger_s(100_000, BUDGET_S) == pytest.approx(GATHER_SHARE_MIN * BUDGET_S)


def test_on_a_quiet_server_sights_are_told_with_the_reply() -> None:
    assert latency_budget.hold_s(0.0, BUDGET_S) == 0


def waits_for_the_next_result(per_s: float, way_share: float) -> bool:
    """Whether what others see of a batch is told with a later one. ``way_share``: through queue and process."""
    linger_s = latency_budget.linger_s(per_s, BUDGET_S)
    return way_share * BUDGET_S + latency_budget.next_s(linger_s) < latency_budget.hold_s(linger_s, BUDGET_S)


def test_sights_of_two_batches_go_together_where_thousands_come_and_with_replies_where_hundreds_do() -> None:
    assert not waits_for_the_next_result(800, WAY_SHARE)
    assert waits_for_the_next_result(7_000, MANY_WAY_SHARE)


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
    stretch = latency_budget.stretched(1.0, BUSY)
    assert 1 < stretch < STRETCH_MAX
    for _ in range(20):
        stretch = latency_budget.stretched(stretch, 1.0)
    assert stretch == STRETCH_MAX
    assert latency_budget.stretched(stretch, (BUSY + FREE) / 2) == stretch
    for _ in range(20):
        stretch = latency_budget.stretched(stretch, 0.0)
    assert stretch == 1
