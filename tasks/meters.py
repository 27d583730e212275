"""What a worker counts, and how it is asked.

The children of a prefork pool come and go, so nothing is counted in them: the report that a task returns travels to the
worker's main process with Celery's own acknowledgement, and is counted there. Prometheus asks over HTTP, operators with
``celery -A tasks inspect metrics``.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Reject, TimeLimitExceeded, WorkerLostError
from celery.worker import state
from celery.worker.control import inspect_command
from celery.worker.request import Request
from msgspec.structs import replace
from prometheus_client import (
    GC_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gameserver.config import Address, Settings
from gameserver.declare import catalogue
from gameserver.messages.process_reports import COME_AGAIN, TaskReport, read_task_report
from gameserver.runtime import prometheus_targets
from tasks.beat import WAITS_S
from tasks.untold import Untold, publishing

log = logging.getLogger(__name__)

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_EVENT = ("family", "event")
BEATS_KEPT = 20  # ticks, some ten seconds


class Meters:
    """The numbers of one worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "gameserver_worker_events", "Events by how they ended", [*_EVENT, "outcome"], registry=self.registry
        )
        self._tasks = Counter(
            "gameserver_worker_tasks", "Tasks by how they ended", [*_EVENT, "end"], registry=self.registry
        )
        self._took = Histogram(
            "gameserver_worker_batch_seconds", "Work on a batch", _EVENT, registry=self.registry, buckets=SECONDS
        )
        self._waited = Histogram(
            "gameserver_worker_wait_seconds",
            "Age of a batch's first event when it was begun",
            _EVENT,
            registry=self.registry,
            buckets=SECONDS,
        )
        self._children = Gauge("gameserver_worker_children", "Processes of the pool", registry=self.registry)
        self._skew = Gauge(
            "gameserver_clock_skew_seconds", "This machine's clock less server time", registry=self.registry
        )
        pulse = catalogue.pulse()
        self._pulse = pulse.task if pulse else ""  # the task by which beat's clock is measured
        self._beats: deque[float] = deque(maxlen=BEATS_KEPT)  # how far the clocks of late ticks' beats were ahead
        beat = Gauge(
            "gameserver_beat_skew_seconds", "The clock of beat less server time, of late", registry=self.registry
        )
        beat.set_function(lambda: max(self._beats, key=abs, default=0.0))
        busy = Gauge("gameserver_worker_busy", "Tasks that children work on", registry=self.registry)
        busy.set_function(lambda: len(state.active_requests))
        self._turned_s = time.monotonic()
        age = Gauge(
            "gameserver_worker_heartbeat_age_seconds",
            "Since the main loop last told the broker that it lives",
            registry=self.registry,
        )
        age.set_function(lambda: time.monotonic() - self._turned_s)
        ProcessCollector(registry=self.registry)
        self.registry.register(GC_COLLECTOR)
        self._server: Any = None
        self._announced: Path | None = None

    def text(self) -> str:
        """All of it in Prometheus' text form."""
        return generate_latest(self.registry).decode()

    def turned(self) -> None:
        """The main loop told the broker that it lives; it does so every two seconds."""
        self._turned_s = time.monotonic()

    def succeeded(self, task: str, result: Any) -> None:
        """A task came to its end, with what its child reported."""
        report = read_task_report(result)
        self.ended(task, "done")
        if report is not None:
            self._count(task, report)

    def _count(self, task: str, report: TaskReport) -> None:
        labels = task.split(".", 1)
        for outcome, count in report.outcomes.items():
            self._events.labels(*labels, outcome).inc(count)
        self._took.labels(*labels).observe(report.took_ms / 1000)
        self._waited.labels(*labels).observe(max(0, report.waited_ms) / 1000)
        self._skew.set(report.skew_ms / 1000)
        if task == self._pulse:
            self._beats.append(_skew_s(report.waited_ms / 1000))

    def ended(self, task: str, end: str) -> None:
        """A task ended: ``done``, ``given_back``, ``child_died``, ``lease_over`` or ``failed``."""
        self._tasks.labels(*task.split(".", 1), end).inc()

    # Being asked.

    def show(self, settings: Settings, consumer: Any) -> None:
        """Answer from now on, in a thread. A taken port is no reason not to work: take a free one, and say so."""
        self._children.set_function(lambda: consumer.pool.num_processes)
        self.registry.register(_Queues(consumer))
        where = settings.metrics
        if where is None:
            return
        try:
            self._server, _ = self._listen(where.port, where.host)
        except OSError as taken:
            log.warning("metrics on port %d: %s; taking a free port", where.port, taken)
            self._server, _ = self._listen(0, where.host)
        found = Address(where.host, self._server.server_port)
        self._announced = prometheus_targets.announce(settings.var / "metrics", "worker", consumer.hostname, found)
        log.info("metrics on http://%s/metrics", found)

    def _listen(self, port: int, host: str) -> tuple[Any, threading.Thread]:
        return start_http_server(port, host, self.registry)

    def in_child(self) -> None:
        """A child forked after ``show`` must not keep the main process's port."""
        if self._server is not None:
            self._server.socket.close()

    def close(self) -> None:
        """The worker ends."""
        prometheus_targets.withdraw(self._announced)


def _skew_s(waited_s: float) -> float:
    """By how much the clock of a tick's beat is ahead. One that is late may have waited: that is not the clock's."""
    return 0.0 if 0 <= waited_s <= WAITS_S else -waited_s


class _Queues(Collector):
    """From which queues the worker takes: ``add_consumer`` and ``cancel_consumer`` change that at any time."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def collect(self) -> Iterable[Metric]:
        taken = GaugeMetricFamily("gameserver_worker_queue", "Queues that the worker takes from", labels=["queue"])
        for queue in list(getattr(self._consumer.task_consumer, "queues", ())):
            taken.add_metric([queue.name], 1.0)
        yield taken


meters = Meters()


class CountedRequest(Request):
    """Celery's request in the main process, which counts how its task ended.

    It counts by the task that runs: the name, which Flower shows, may be anything that somebody wrote into a message.
    """

    _lease_s = 0.0  # what its lease was, when that is over

    def __init_subclass__(cls, **more: Any) -> None:
        """Celery makes a subclass for each task, whose ``on_success`` calls no other."""
        super().__init_subclass__(**more)
        inner = cls.on_success

        def on_success(self: Any, failed__retval__runtime: Any, **more: Any) -> Any:
            failed, result, _ = failed__retval__runtime
            if not failed:
                meters.succeeded(self.type, result)
            return inner(self, failed__retval__runtime, **more)

        cls.on_success = on_success

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's name
        """Tell operators how a task ended: a task that came to its end may hold events that did not."""
        told, fields = event_of_end(type, fields)
        if told == "task-failed" and self._lease_s:
            told, fields["exception"] = "task-retried", f"TimeLimitExceeded({self._lease_s})"
        super().send_event(told, **fields)

    def on_failure(self, exc_info: Any, *args: Any, **more: Any) -> Any:
        """The task raised, or its child died. Of what goes back to its queue Celery tells nothing."""
        fault = exc_info.exception
        if isinstance(fault, ExceptionWithTraceback):  # billiard wraps some of them
            fault = fault.exc
        if not isinstance(fault, TimeLimitExceeded):  # that is counted as the lease's end
            meters.ended(self.type, _ENDS.get(type(fault).__name__, "failed"))
        publishing.in_doubt |= isinstance(fault, Untold)
        done = super().on_failure(exc_info, *args, **more)
        if comes_again(fault):
            self.send_event(
                "task-retried",
                exception=str(getattr(fault, "reason", None) or repr(fault)),
                traceback=str(exc_info.traceback),
            )
        return done

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        """The lease is over, the child is killed, and its events go back to their queue."""
        if not soft:
            meters.ended(self.type, "lease_over")
            self._lease_s = timeout
        return super().on_timeout(soft, timeout)


def event_of_end(type_: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the task event that says what became of the events of a task that succeeded, and its fields.

    ``task-failed`` where one was given up, ``task-retried`` where one comes again in another task. Both keep result and
    runtime. What is acknowledged has nothing to do with it.
    """
    report = read_task_report(fields.get("result")) if type_ == "task-succeeded" else None
    if report is None or not (report.gave_up or report.put_off):
        return type_, fields
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.outcomes.items() if outcome in COME_AGAIN)
    told = {**fields, "exception": report.cause or counts, "traceback": report.traceback}
    told["result"] = repr(replace(report, traceback=""))
    return ("task-failed" if report.gave_up else "task-retried"), told


def comes_again(fault: BaseException) -> bool:
    """Return whether what a task raised puts its events back into their queue, without a word of Celery's."""
    return bool(getattr(fault, "requeue", False)) if isinstance(fault, Reject) else isinstance(fault, WorkerLostError)


_ENDS = {
    "Reject": "given_back",
    "Untold": "given_back",
    "WorkerLostError": "child_died",
    "SystemExit": "child_died",
}


@inspect_command()
def metrics(state: Any, **_: Any) -> str:
    """All numbers of this worker, in Prometheus' text form."""
    return meters.text()
