"""Commands of Celery's to a worker that would harm events which they do not concern: answered otherwise, or refused.

A rate limit holds a task in the worker, and with it all tasks behind it. A time limit is the event's lease, which a
command could take away or make too short for any event of the type. A worker without children goes on taking messages:
it would hold a queue that nobody works on. A queue that is none of this server's would be made by taking from it, and
nobody would send to it, bound it, or see it in ``gameserver status``; or it is one that holds what no worker may take.
"""

from typing import Any

from celery.worker.control import add_consumer as take_from
from celery.worker.control import control_command, nok, ok

from gameserver.broker.topology import EVENTS


@control_command(args=[("task_name", str), ("rate_limit", str)], signature="<task_name> <rate_limit>")
def rate_limit(state: Any, **_: Any) -> Any:
    """Refuse: a task that is held back holds up all behind it."""
    return nok(
        "not here: a task that a worker holds back holds up all behind it. What players send too fast is bounded by "
        "gateways (GAMESERVER_PACKETS_PER_S); `cancel_consumer QUEUE` keeps a family still."
    )


@control_command(args=[("task_name", str), ("soft", float), ("hard", float)], signature="<task_name> <soft> [hard]")
def time_limit(state: Any, **_: Any) -> Any:
    """Refuse: the time limit is the event's lease."""
    return nok(
        "not here: a task's time limit is its event's lease, which stands where the event is declared (lease_s)."
    )


@control_command(args=[("queue", str)], signature="<queue>")
def add_consumer(state: Any, queue: str, exchange: str | None = None, **options: Any) -> Any:
    """Take from one more queue: one of this server's, or of a family that is new while developing (it names EVENTS)."""
    if queue in state.app.amqp.queues or exchange == EVENTS:
        return take_from(state, queue, exchange, **options)
    return nok(
        f"not {queue}: no setting of this worker names such a queue, and nobody would send to it. Its own are "
        f"{', '.join(sorted(state.app.amqp.queues))}; `gameserver queues --drain` empties what settings no longer name."
    )


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: Any, n: int = 1, **_: Any) -> Any:
    """Shrink the pool by n idle children, and what is taken from the broker with it. One child stays."""
    consumer = state.consumer
    if consumer.controller.autoscaler:
        return nok("pool_shrink is not supported with autoscale. Adjust autoscale range instead.")
    before = consumer.pool.num_processes
    if not 1 <= n < before:
        return nok(
            f"can't take {n} of {before} children: one stays, or messages would be taken that nobody works on. "
            "`cancel_consumer QUEUE` keeps a worker still, `shutdown` ends it."
        )
    fault = _shrink(consumer.pool, n)
    taken = before - consumer.pool.num_processes
    if taken:
        consumer._update_prefetch_count(-taken)
    return nok(f"{taken} of {n} children go. {fault}") if fault else ok("pool will shrink")


def _shrink(pool: Any, n: int) -> str:
    """Take idle children away; say what is in the way of the rest."""
    try:
        pool.shrink(n)
    except ValueError as error:
        return str(error)
    return ""
