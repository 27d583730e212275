import pytest

from gameserver.broker.connections import Depth
from gameserver.messages.reports import GatewayReport
from gameserver.operations.snapshot import (
    family_rates,
    gateway_of,
    gateway_rates,
    quantile,
    worker_of,
    worker_rates,
)
from tests.unit.operations.moments import gateway, moment, worker

METRICS = """\
gameserver_connections 7.0
gameserver_players 5.0
process_cpu_seconds_total 1.5
gameserver_events_total{event="say",family="chat",outcome="ok"} 9.0
gameserver_events_total{event="whisper",family="chat",outcome="refused"} 2.0
gameserver_events_total{event="attack",family="combat",outcome="busy"} 4.0
gameserver_reply_seconds_bucket{event="say",family="chat",le="0.01"} 8.0
gameserver_reply_seconds_bucket{event="say",family="chat",le="+Inf"} 9.0
gameserver_reply_seconds_bucket{event="whisper",family="chat",le="0.01"} 2.0
gameserver_reply_seconds_bucket{event="whisper",family="chat",le="+Inf"} 2.0
gameserver_waiting_events{family="chat"} 3.0
gameserver_oldest_event_age_seconds{family="chat"} 0.25
gameserver_family_unavailable{family="chat"} 0.0
gameserver_family_unavailable{family="combat"} 1.0
"""

WORKER = """\
gameserver_worker_children 2.0
gameserver_worker_queue{queue="chat"} 1.0
gameserver_worker_queue{queue="chat.talk"} 1.0
gameserver_worker_events_total{event="say",family="chat",outcome="ok"} 5.0
gameserver_worker_events_total{event="say",family="chat",outcome="repeated"} 1.0
gameserver_worker_events_total{event="say",family="chat",outcome="failed"} 10.0
gameserver_worker_events_total{event="say",family="chat",outcome="held"} 20.0
gameserver_worker_events_total{event="say",family="chat",outcome="left"} 40.0
gameserver_worker_events_total{event="say",family="chat",outcome="worker_died"} 80.0
gameserver_worker_batch_seconds_sum{event="say",family="chat"} 0.5
"""


def test_a_gateway_is_read_from_its_report() -> None:
    assert gateway_of(GatewayReport(gateway="g1", metrics=METRICS)) == gateway(
        connections=7,
        players=5,
        cpu_s=1.5,
        refused=4,
        waiting={"chat": 3},
        oldest_s={"chat": 0.25},
        unavailable=("combat",),
        answered={"chat": 11, "combat": 0},
        replies={"chat": {0.01: 10, float("inf"): 11}},
    )


def test_a_worker_is_read_from_its_metrics_and_what_comes_again_is_not_counted_yet() -> None:
    expected = worker("c1@h", "chat", "chat.talk", children=2, events={"chat": 6}, busy_s={"chat": 0.5})
    assert worker_of("c1@h", WORKER) == expected


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


def test_what_is_served_and_what_waits() -> None:
    found = moment(
        gateways=(
            gateway("g1", waiting={"combat": 2}, oldest_s={"combat": 0.5}),
            gateway("g2", waiting={"combat": 1}, oldest_s={"combat": 3.0}),
        ),
        workers=(worker("c1@h", "combat"),),
        depths={"combat": Depth(4, 1), "combat.attack": Depth(2, 0)},
    )
    assert [w.name for w in found.serving("combat")] == ["c1@h"]
    assert found.unserved("combat") == ("combat.attack",)
    assert found.unserved("chat") == ("chat",)
    assert (found.waiting("combat"), found.oldest_s("combat"), found.batches("combat")) == (3, 3.0, 6)
