"""How large batches are and how long they take, from what Celery's workers tell Flower: their task events."""

import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pika

_WAIT_S = 0.2


class Batch(msgspec.Struct, frozen=True):
    """One task that was done."""

    task: str
    events: int
    runtime_s: float


class Watcher:
    """Listens to a broker's task events in a thread."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._over = threading.Event()
        self._bodies: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._listening = threading.Event()

    def start(self) -> None:
        """Begin to listen; returns when it does."""
        self._thread.start()
        self._listening.wait(10)

    def clear(self) -> None:
        """Forget what was heard."""
        self._bodies.clear()

    def batches(self) -> list[Batch]:
        """What was done since."""
        return list(read(self._bodies))

    def stop(self) -> None:
        """Stop listening."""
        self._over.set()
        self._thread.join(10)

    def _listen(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "celeryev", "task.#")
        channel.basic_consume(queue, lambda c, m, p, body: self._bodies.append(body), auto_ack=True)
        self._listening.set()
        while not self._over.is_set():
            connection.process_data_events(_WAIT_S)
        connection.close()


def read(bodies: Sequence[bytes]) -> Iterator[Batch]:
    """Tasks that were received and succeeded. A task's id says how many events go with its first: ``id+n``."""
    names: dict[str, str] = {}
    for body in list(bodies):
        told = msgspec.json.decode(body)
        for event in told if isinstance(told, list) else [told]:
            if event["type"] == "task-received":
                names[event["uuid"]] = event["name"]
            elif event["type"] == "task-succeeded":
                yield Batch(names.get(event["uuid"], ""), _events(event["uuid"]), event["runtime"])


def _events(task_id: str) -> int:
    first = task_id.partition("~")[0]
    _, plus, more = first.rpartition("+")
    return 1 + int(more) if plus and more.isdigit() else 1


@contextmanager
def watching(amqp_url: str) -> Iterator[Watcher]:
    """A watcher for a ``with`` block."""
    watcher = Watcher(amqp_url)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()


def summary(batches: Sequence[Batch], task: str) -> dict[str, Any]:
    """Of one event type: batches, mean and largest size, runtime per event."""
    mine = [batch for batch in batches if batch.task == task]
    events = sum(batch.events for batch in mine)
    if not mine:
        return {}
    return {
        "batches": len(mine),
        "mean": round(events / len(mine), 2),
        "median": statistics.median(batch.events for batch in mine),
        "max": max(batch.events for batch in mine),
        "runtime_ms": round(1000 * statistics.mean(batch.runtime_s for batch in mine), 2),
        "tasks": len(batches),
    }
