"""What workers do at commands of Celery's that would harm events which they do not concern."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker.control import Panel

import tasks
from gameserver.broker.topology import EVENTS


class Worker:
    """A worker's state, as a command sees it. Its pool shrinks as billiard's does."""

    def __init__(self, children: int, *, busy: int = 0, autoscaler: object = None) -> None:
        self.num_processes = children
        self.busy = busy
        self.prefetched = 0
        self.taken: list[str] = []
        self.app = tasks.app
        self.consumer = SimpleNamespace(
            pool=self,
            controller=SimpleNamespace(autoscaler=autoscaler),
            _update_prefetch_count=self._prefetch,
            call_soon=lambda _, queue, *more, **options: self.taken.append(queue),
            add_task_queue=None,
        )

    def shrink(self, n: int) -> None:
        taken = min(n, self.num_processes - self.busy)
        self.num_processes -= taken
        if taken < n:
            raise ValueError("Can't shrink pool. All processes busy!")

    def _prefetch(self, index: int) -> None:
        self.prefetched += index


def told(worker: Worker, command: str, *args: Any, **named: Any) -> dict[str, str]:
    found: dict[str, str] = Panel.data[command](worker, *args, **named)
    return found


@pytest.mark.parametrize("n", [1, 2, 0, -1])
def test_a_pool_keeps_one_child_and_takes_no_number_that_is_none(n: int) -> None:
    worker = Worker(1)
    assert "one stays" in told(worker, "pool_shrink", n)["error"]
    assert (worker.num_processes, worker.prefetched) == (1, 0)


def test_a_pool_shrinks_and_takes_less_from_the_broker() -> None:
    worker = Worker(3)
    assert told(worker, "pool_shrink", 2) == {"ok": "pool will shrink"}
    assert (worker.num_processes, worker.prefetched) == (1, -2)


def test_of_busy_children_it_takes_those_that_are_idle_says_so_and_takes_less_for_them() -> None:
    """As much as before would wait behind the busy ones."""
    worker = Worker(4, busy=3)
    assert "1 of 2 children go" in told(worker, "pool_shrink", 2)["error"]
    assert (worker.num_processes, worker.prefetched) == (3, -1)


def test_an_autoscaled_pool_is_left_to_itself() -> None:
    worker = Worker(3, autoscaler=object())
    assert "autoscale" in told(worker, "pool_shrink")["error"]
    assert worker.num_processes == 3


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("rate_limit", {"rate_limit": "1/h"}),
        ("time_limit", {"soft": None, "hard": None}),
        ("time_limit", {"hard": 1.0}),
    ],
)
def test_no_command_holds_events_back_or_changes_their_lease(command: str, given: dict[str, Any]) -> None:
    task = tasks.app.tasks["movement.move"]
    before = task.rate_limit, task.time_limit, task.soft_time_limit
    assert "not here" in told(Worker(1), command, task_name=task.name, **given)["error"]
    assert (task.rate_limit, task.time_limit, task.soft_time_limit) == before


@pytest.mark.parametrize("queue", ["chatt", "dead", "gateway.g1", "chat.7"])
def test_a_queue_that_is_none_of_the_servers_is_neither_made_nor_taken_from(queue: str) -> None:
    worker = Worker(1)
    answer = told(worker, "add_consumer", queue)["error"]
    assert f"not {queue}: no setting" in answer
    assert "chat, " in answer
    assert worker.taken == []


@pytest.mark.parametrize(("queue", "exchange"), [("chat", None), ("dancing", EVENTS)])
def test_a_queue_of_the_servers_and_one_of_a_new_family_is_taken_from(queue: str, exchange: str | None) -> None:
    worker = Worker(1)
    assert told(worker, "add_consumer", queue, exchange=exchange) == {"ok": f"add consumer {queue}"}
    assert worker.taken == [queue]
