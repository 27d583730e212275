"""The Celery app and its tasks, one per event type of the catalogue.

A task is a name, a lease (its hard time limit) and a call to the process's ``BatchProcessor``, which was wired when the
process began.
"""

import logging
import time
from typing import Any

from celery import Celery, signals
from celery.exceptions import Reject

from gameserver import config
from gameserver.broker.declare_queues import ensure_topology
from gameserver.broker.topology import topology
from gameserver.declare import catalogue
from gameserver.declare.base import Spec
from gameserver.local.game_check import begin_check
from gameserver.messages.process_reports import TaskReport
from gameserver.runtime.gc_tuning import freeze_gc
from gameserver.runtime.healthcheck import alive_file
from gameserver.runtime.logging import set_up_logging
from gameserver.runtime.startup_errors import exit_whatever_fails
from tasks.beat import PunctualScheduler
from tasks.development import Development, read_body
from tasks.meters import meters
from tasks.overrides.body_decoder import read_batches
from tasks.overrides.consumer import TRIES, Bulkheads
from tasks.overrides.event_task import EventTask
from tasks.overrides.pool import use_processes
from tasks.overrides.worker_name import refuse_taken_name
from tasks.processor import BatchProcessor, build, preload, wait_until_ready
from tasks.unread_messages import UNKNOWN, Origin

log = logging.getLogger(__name__)

UNKNOWN_LEASE_S = 10
GIVES_BACK_AFTER_S = 1.0  # so that what comes back at once does not keep the processor busy

app = Celery("tasks")
app.config_from_object("celeryconfig")
app.Beat = app.subclass_with_self("tasks.overrides.checked_beat:CheckedBeat")
app.events.dispatcher_cls = "tasks.overrides.event_dispatcher:PlainDispatcher"
app.user_options["worker"].add(Bulkheads.option)
app.steps["worker"].add(Bulkheads)
use_processes()

_processor: BatchProcessor | None = None
# Made before the pool's children are: each of them knows what their parent has read.
_development = Development(config.load().reload_stamp) if config.load().dev else None


def prepare() -> None:
    """Have ready, before the pool's children are forked, what each of them would import and read by itself."""
    preload(config.load())
    freeze_gc()


def _prepare(**_: Any) -> None:
    with exit_whatever_fails():
        wait_until_ready(config.load())
        prepare()


def _begin(**_: Any) -> None:
    global _processor
    meters.in_child()
    _processor = build(config.load())
    read_batches() if _development is None else read_batches(_read_anew)
    freeze_gc()


def _read_anew(text: str | bytes) -> Any:
    """Read a task's body as the files of the game say now, and have that processor handle it."""
    _refresh()
    return read_body(text)


def _refresh() -> None:
    global _processor
    if _development is not None:
        _processor = _development.refreshed(_processor)


def _end(**_: Any) -> None:
    if _processor is not None:
        _processor.close()


def _running_processor() -> BatchProcessor:
    """Return this process's processor. Raises ``Reject``, back to the queue, where the process can't have one now."""
    try:
        if _processor is None:
            _begin()
    except Exception as fault:
        log.exception("this process cannot begin, and gives back what it was handed")
        time.sleep(GIVES_BACK_AFTER_S)
        raise Reject(type(fault).__name__, requeue=True) from fault
    assert _processor is not None  # noqa: S101 - _begin made it
    return _processor


@signals.setup_logging.connect
def _log(logfile: str | None = None, **_: Any) -> None:
    with exit_whatever_fails():
        settings = config.load()
        set_up_logging(settings.log_level, settings.log_form, logfile or "")


def _refuse_bad_start(sender: str, **_: Any) -> None:
    with exit_whatever_fails():
        refuse_bad_game = begin_check(config.load())
        refuse_taken_name(app.connection_for_read, sender)
        refuse_bad_game()


def _show_metrics(sender: Any, **_: Any) -> None:
    meters.show(config.load(), sender)
    freeze_gc()


def _hide_metrics(**_: Any) -> None:
    meters.close()


def _declare(**_: Any) -> None:
    """Beat may be the first who comes to a broker, and publishes to what others declare."""
    settings = config.load()
    PunctualScheduler.alive = alive_file(settings.var)  # what `gameserver.runtime.healthcheck` looks at
    with app.connection_for_write() as connection:
        connection.ensure_connection(**TRIES)
        ensure_topology(connection, topology(settings.limits, settings.queues))


signals.celeryd_init.connect(_refuse_bad_start)
signals.beat_init.connect(_declare)
signals.worker_init.connect(_prepare)
signals.worker_ready.connect(_show_metrics)
signals.worker_shutdown.connect(_hide_metrics)
signals.worker_process_init.connect(_begin)
signals.worker_process_shutdown.connect(_end)


def _handle(request: Any, batch: Any) -> TaskReport:
    whence = _whence(request)
    return _running_processor().handle(
        batch,
        task_id=request.id,
        tried=bool(whence.attempts),
        redelivered=whence.redelivered,
        whence=whence,
    )


def _make_task(spec: Spec) -> None:
    @app.task(base=EventTask, name=spec.task, bind=True, time_limit=spec.lease_s, max_retries=None)
    def handle(self: Any, batch: list[dict[str, Any]]) -> TaskReport:
        return _handle(self.request, batch)

    handle.__doc__ = catalogue.events()[spec.name].__doc__


for _spec in catalogue.specs():
    _make_task(_spec)


def _whence(request: Any) -> Origin:
    """Where a message came from, as far as its headers are what ours are."""
    delivery = request.delivery_info or {}
    numbers = {name: getattr(request, name, 0) for name in ("copy", "attempts")}
    return Origin(
        task=str(getattr(request, "wanted", None) or request.task),
        queue=str(delivery.get("routing_key") or ""),
        priority=delivery.get("priority") or 0,
        redelivered=bool(delivery.get("redelivered")),
        **{name: value if type(value) is int else 0 for name, value in numbers.items()},
    )


@app.task(base=EventTask, name=UNKNOWN, bind=True, time_limit=UNKNOWN_LEASE_S, max_retries=None)
def _unknown(self: Any, batch: Any) -> TaskReport:
    """Put off events of a type that this version does not know; under ``gameserver dev`` this child may know it."""
    if _development is not None:
        return _handle(self.request, batch)
    return _running_processor().put_off(batch, task_id=self.request.id, whence=_whence(self.request))
