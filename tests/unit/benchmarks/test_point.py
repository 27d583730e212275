import pytest

from tests.benchmarks.batches import Batch, read, summary
from tests.benchmarks.point import latency, p99_by_window, worst_by_median


def test_percentiles_count_what_was_not_answered_as_endless() -> None:
    seen = latency([*range(1000, 99_000, 1000), -1, -1])
    assert (seen.sent, seen.answered) == (100, 0.98)
    assert (seen.p50, seen.p95) == (51.0, 96.0)
    assert seen.p99 is None


def test_a_window_that_is_worse_than_the_others_is_told_by_how_much() -> None:
    steady = [(ms, 10_000) for ms in range(0, 10_000, 10)]
    spike = [(ms, 40_000 if 4_000 <= ms < 4_100 else us) for ms, us in steady]
    assert p99_by_window(steady) == [10.0] * 5
    assert p99_by_window(spike) == [10.0, 10.0, 40.0, 10.0, 10.0]
    assert worst_by_median(p99_by_window(spike)) == 4.0
    assert worst_by_median(p99_by_window([*steady, *((ms, -1) for ms in range(0, 2_000, 10))])) is None


def test_nothing_sent_is_nothing_missed() -> None:
    assert latency([]).answered == 1.0
    assert latency([]).in_time()


def test_batches_are_read_from_what_workers_tell_flower() -> None:
    bodies = [
        b'[{"type":"task-received","uuid":"a:7+31","name":"movement.move"},{"type":"task-started","uuid":"a:7+31"}]',
        b'{"type":"task-received","uuid":"tick:9","name":"world.tick"}',
        b'[{"type":"task-succeeded","uuid":"a:7+31","runtime":0.25},{"type":"task-succeeded","uuid":"tick:9","runtime":1}]',
    ]
    assert list(read(bodies)) == [Batch("movement.move", 32, 0.25), Batch("world.tick", 1, 1)]
    assert summary(list(read(bodies)), "movement.move")["mean"] == 32


@pytest.mark.parametrize(("task_id", "events"), [("a+b:1", 1), ("a:1+2~3", 3), ("a:1", 1)])
def test_a_tasks_id_tells_how_many_events_it_carries(task_id: str, events: int) -> None:
    (batch,) = read([b'{"type":"task-succeeded","uuid":"%s","runtime":0}' % task_id.encode()])
    assert batch.events == events
