import pytest

from tests.benchmarks.batches import Batch, read, summary
from tests.benchmarks.point import latency


def test_percentiles_count_what_was_not_answered_as_endless() -> None:
    seen = latency([*range(1000, 99_000, 1000), -1, -1])
    assert (seen.sent, seen.answered) == (100, 0.98)
    assert (seen.p50, seen.p95) == (51.0, 96.0)
    assert seen.p99 is None


def test_nothing_sent_is_nothing_missed() -> None:
    assert latency([]).answered == 1.0


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
