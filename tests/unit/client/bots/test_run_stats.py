"""Counting and summing up: percentiles, whose fault an error is, and when a run was good."""

from typing import Any

import pytest

from gameserver.client.bots.run_stats import STEP, Latencies, RunStats
from gameserver.client.errors import ConnectionLost, Refused


def latencies(*values: float) -> Latencies:
    counted = Latencies()
    for ms in values:
        counted.add(ms)
    return counted


@pytest.mark.parametrize(("percent", "ms"), [(50, 500), (95, 950), (99, 990), (99.9, 999), (100, 1000)])
def test_a_percentile_is_at_most_one_step_too_high(percent: float, ms: float) -> None:
    read = latencies(*range(1, 1001)).percentile_ms(percent)
    assert ms <= read * 1.000001
    assert read <= ms * STEP * 1.000001


def test_without_latencies_percentiles_are_zero() -> None:
    assert latencies().percentile_ms(99) == 0
    assert latencies().max_ms == 0


def test_no_percentile_exceeds_the_maximum() -> None:
    assert latencies(7.0).percentile_ms(50) == 7.0
    assert latencies(7.0).max_ms == 7.0


def test_a_latency_of_zero_can_be_counted() -> None:
    assert latencies(0.0).percentile_ms(50) == 0


def test_memory_does_not_grow_with_the_number_of_latencies() -> None:
    counted = latencies(*(1 + n / 100 for n in range(100_000)))
    assert len(counted._counts) < 500


def summed(stats: RunStats, **changes: Any) -> Any:
    return stats.summary(**({"count": 2, "entered": 2, "duration_s": 1.0, "reconnects": 0} | changes))


def test_refusals_by_the_rules_are_no_errors() -> None:
    stats = RunStats(frozenset({"wall", "cooldown"}))
    for error in (None, Refused("wall", ""), Refused("wall", ""), Refused("cooldown", "")):
        stats.note_sent()
        stats.note_reply(1.0, error)
    summary = summed(stats)
    assert (summary.sent, summary.answered, summary.unanswered) == (4, 4, 0)
    assert summary.refused == {"wall": 2, "cooldown": 1}
    assert summary.ok


@pytest.mark.parametrize("code", ["internal", "bad_seq", "flooding", "never_heard_of"])
def test_any_other_code_is_an_error(code: str) -> None:
    stats = RunStats()
    stats.note_sent()
    stats.note_reply(1.0, Refused(code, ""))
    assert summed(stats).errors == {code: 1}
    assert summed(stats).verdict == "NOT OK"


@pytest.mark.parametrize("code", ["busy", "unavailable", "stale"])
def test_what_a_server_refuses_for_the_time_is_shown_and_breaks_no_promise(code: str) -> None:
    stats = RunStats()
    stats.note_sent()
    stats.note_reply(1.0, Refused(code, ""))
    assert summed(stats).errors == {code: 1}
    assert summed(stats).verdict == "ok, though some were told to try again later"


def test_what_is_not_answered_is_not_ok() -> None:
    stats = RunStats()
    stats.note_sent()
    assert not stats.drained.is_set()
    assert summed(stats).unanswered == 1
    assert not summed(stats).ok


def test_what_is_lost_is_waited_for_no_longer_and_counts_as_unanswered() -> None:
    stats = RunStats()
    stats.note_sent()
    stats.note_reply(1.0, ConnectionLost("bad_token", ""))
    assert stats.drained.is_set()
    assert summed(stats).unanswered == 1


def test_a_bot_that_did_not_enter_is_not_ok() -> None:
    assert not summed(RunStats(), entered=1).ok


def test_the_summary_can_be_read() -> None:
    stats = RunStats(frozenset({"wall"}))
    stats.note_sent()
    stats.note_reply(12.0, Refused("wall", ""))
    stats.notices["moved"] += 3
    text = "\n".join(summed(stats).lines())
    for part in ("2 of 2 bots", "sent 1, answered 1, unanswered 0", "wall 1", "p50 12.0", "moved 3", "errors: none"):
        assert part in text
    assert text.endswith("\nok")
    assert "sent 1  answered 1  refused 1  errors 0" in stats.progress(1.0, 2, 0)
