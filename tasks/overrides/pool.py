"""The worker's pool of children, which does not forget a task that a child has.

When a consumer closes (a warm stop, a lost connection), Celery's pool discards every task that no child has accepted
yet (``AsynPool.flush``). A task that was written to a child a moment before is among these: its child plays it
nevertheless, and its result is read by nobody. On a warm stop the child then waits 30 seconds for somebody to read it
(``_ensure_messages_consumed``), and the worker for the child. Under load that happened in 10 of 60 stops. A task that
was written only in part never comes to its end at all: nobody writes the rest. And none of these has a time limit.
Read and seen in celery 5.7.0 and billiard 4.3.2.
"""

from inspect import GEN_CREATED, getgeneratorstate
from typing import Any

from celery import concurrency
from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool, _get_job_writer


class KeepingPool(AsynPool):
    """Celery's pool, in which a task that was written to a child counts as the child's, accepted or not."""

    def flush(self) -> None:
        """Discard what no child has; finish writing what a child has in part."""
        begun = {id_: job for id_, job in self._cache.items() if _is_begun(job)}
        for job in begun.values():
            self._finish_writing(job)
        super().flush()
        self._cache.update({id_: job for id_, job in begun.items() if job._write_to._is_alive() and not job.ready()})

    def _finish_writing(self, job: Any) -> None:
        writer = _get_job_writer(job)
        if writer is not None:
            self._flush_writer(job._write_to, writer)


def _is_begun(job: Any) -> bool:
    """Whether a child has some of a task, and has not said that it accepts it."""
    writer = _get_job_writer(job)
    started = writer is None or getgeneratorstate(writer) != GEN_CREATED
    return job._write_to is not None and started and not job._accepted


class TaskPool(prefork.TaskPool):
    """Celery's pool of processes, with that."""

    Pool = KeepingPool


class RefusedPool(prefork.TaskPool):
    """A pool that can't keep the promises: it ends the worker at its start, with a sentence.

    Threads and greenlets would share one AMQP channel, which is not made for it, and where an event is not in a process
    of its own nobody can end it when it is past its lease.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise SystemExit(
            "gameserver: a worker's pool is one of processes; any other loses replies and can end no event that is "
            "past its lease. Leave --pool out, or say --pool prefork."
        )


def use_processes() -> None:
    """Let ``celery worker`` use our pool of processes, and refuse all others."""
    for name in concurrency.ALIASES:
        pool = TaskPool if name in ("prefork", "processes") else RefusedPool
        concurrency.ALIASES[name] = f"{__name__}:{pool.__name__}"
