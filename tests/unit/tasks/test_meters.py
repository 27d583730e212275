"""What a worker's main process makes of its children's reports."""

import pytest

from gameserver.messages.process_reports import TaskReport
from tasks.beat import WAITS_S
from tasks.meters import _skew_s, event_of_end


@pytest.mark.parametrize(
    ("waited_s", "skew_s"), [(0.01, 0.0), (WAITS_S, 0.0), (WAITS_S + 35, -WAITS_S - 35), (-40.0, 40.0), (-0.3, 0.3)]
)
def test_a_tick_from_the_future_or_older_than_any_that_waited_tells_of_beats_clock(
    waited_s: float, skew_s: float
) -> None:
    assert _skew_s(waited_s) == pytest.approx(skew_s)


def told(**outcomes: int) -> tuple[str, dict[str, object]]:
    report = TaskReport(events=3, outcomes=outcomes, waited_ms=1, took_ms=2.0, cause="Boom: x", traceback="Traceback")
    return event_of_end("task-succeeded", {"result": repr(report), "runtime": 0.1})


@pytest.mark.parametrize(
    ("outcomes", "type_"),
    [
        ({"ok": 3}, "task-succeeded"),
        ({"ok": 2, "out_of_reach": 1}, "task-succeeded"),
        ({"ok": 2, "failed": 1}, "task-retried"),
        ({"ok": 1, "held": 2}, "task-retried"),
        ({"unread": 1}, "task-retried"),
        ({"ok": 1, "failed": 2, "dead_lettered": 1}, "task-failed"),
    ],
)
def test_a_task_is_told_as_its_worst_event_ended(outcomes: dict[str, int], type_: str) -> None:
    found, fields = told(**outcomes)
    assert (found, fields["runtime"]) == (type_, 0.1)
    assert (type_ == "task-succeeded") is ("exception" not in fields)


def test_a_task_that_failed_keeps_its_result_and_tells_cause_and_traceback() -> None:
    _, fields = told(failed=1, dead_lettered=1)
    assert (fields["exception"], fields["traceback"]) == ("Boom: x", "Traceback")
    assert "Traceback" not in str(fields["result"])


def test_what_comes_again_without_an_error_says_what_it_was() -> None:
    report = TaskReport(events=3, outcomes={"ok": 1, "left": 2}, waited_ms=1, took_ms=2.0)
    assert event_of_end("task-succeeded", {"result": repr(report)})[1]["exception"] == "2 left"


@pytest.mark.parametrize(("type_", "result"), [("task-started", None), ("task-succeeded", "no report")])
def test_other_events_are_told_as_they_are(type_: str, result: object) -> None:
    assert event_of_end(type_, {"result": result}) == (type_, {"result": result})
