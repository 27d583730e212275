"""Rates are what two snapshots differ by."""

import pytest

from gameserver.operations.rates import family_rates, gateway_rates, quantile, worker_rates
from tests.unit.operations.moments import gateway, moment, worker


def test_rates_are_what_two_moments_differ_by_and_newcomers_do_not_count() -> None:
    before = moment(10.0, workers=(worker("chat1@h", "chat", events={"chat": 100}, busy_s={"chat": 1.0}),))
    after = (
        worker("chat1@h", "chat", events={"chat": 150}, busy_s={"chat": 2.5}),
        worker("chat2@h", "chat", events={"chat": 70}, busy_s={"chat": 1.0}),
    )
    now = moment(12.0, workers=after)
    rates = family_rates(before, now, "chat")
    assert rates.events_per_s == 25
    assert rates.busy == pytest.approx(1.5 / 2 / 2)
    assert worker_rates(before, now, after[0]) == (25, 0.75)
    assert worker_rates(before, now, after[1]) == (0, 0)


def test_a_gateways_rates() -> None:
    before = moment(0.0, gateways=(gateway(answered={"chat": 5}, refused=1, cpu_s=1.0),))
    now = moment(2.0, gateways=(gateway(answered={"chat": 9}, refused=2, cpu_s=2.0),))
    assert gateway_rates(before, now, now.gateways[0]) == (2.0, 0.5, 0.5)


def test_quantiles_are_of_what_happened_between() -> None:
    early = {0.01: 90, 0.1: 100, float("inf"): 100}
    late = {0.01: 91, 0.1: 110, float("inf"): 110}
    before = moment(0, gateways=(gateway(replies={"chat": early}),))
    now = moment(1, gateways=(gateway(replies={"chat": late}),))
    rates = family_rates(before, now, "chat")
    assert (rates.p50_s, rates.p99_s) == (0.1, 0.1)
    assert family_rates(now, now, "chat").p50_s is None


def test_a_quantile_is_the_bound_of_its_bucket() -> None:
    counts = {0.01: 50, 0.1: 99, float("inf"): 100}
    assert [quantile(counts, share) for share in (0.5, 0.51, 0.99, 1.0)] == [0.01, 0.1, 0.1, float("inf")]
    assert quantile({}, 0.5) is None
