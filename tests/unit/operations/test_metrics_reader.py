"""Metrics of gateways and workers are read into the parts of a snapshot."""

from gameserver.messages.process_reports import GatewayReport
from gameserver.operations.metrics_reader import read_gateway, read_worker
from tests.unit.operations.moments import gateway, worker

METRICS = """\
gameserver_connections 7.0
gameserver_connections_max 960.0
gameserver_players 5.0
process_cpu_seconds_total 1.5
gameserver_events_total{event="say",family="chat",outcome="ok"} 9.0
gameserver_events_total{event="whisper",family="chat",outcome="refused"} 2.0
gameserver_events_total{event="attack",family="combat",outcome="busy"} 4.0
gameserver_reply_seconds_bucket{event="say",family="chat",le="0.01"} 8.0
gameserver_reply_seconds_bucket{event="say",family="chat",le="+Inf"} 9.0
gameserver_reply_seconds_bucket{event="whisper",family="chat",le="0.01"} 2.0
gameserver_reply_seconds_bucket{event="whisper",family="chat",le="+Inf"} 2.0
gameserver_batch_events_count{event="say",family="chat"} 6.0
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
    assert read_gateway(GatewayReport(gateway="g1", metrics=METRICS)) == gateway(
        connections=7,
        players=5,
        cpu_s=1.5,
        refused=4,
        waiting={"chat": 3},
        oldest_s={"chat": 0.25},
        unavailable=("combat",),
        answered={"chat": 11, "combat": 0},
        replies={"chat": {0.01: 10, float("inf"): 11}},
        connections_max=960,
        batches={"chat.say": 6},
    )


def test_a_worker_is_read_from_its_metrics_and_what_comes_again_is_not_counted_yet() -> None:
    expected = worker("c1@h", "chat", "chat.talk", children=2, events={"chat": 6}, busy_s={"chat": 0.5})
    assert read_worker("c1@h", WORKER) == expected
