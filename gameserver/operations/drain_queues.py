"""Queues that a setting named once and none names any more: a part of a split one, a single event type's.

What waits in one is moved to where its events would go today: a lane has one task under way and effects happen once, so
neither the move nor a double of it does harm. The queue is unbound first, so that nothing comes afterwards.
"""

from collections.abc import Mapping
from typing import Any

from gameserver.broker import connections
from gameserver.broker.topology import EVENTS, Queues
from gameserver.declare import catalogue
from gameserver.errors import Rejected, Retryable


def drain(amqp_url: str, queue: str, wanted: Queues) -> int:
    """Move what waits, remove the queue. Returns how many messages there were.

    Raises ``Rejected`` ``queue_in_use``, ``Retryable`` ``broker_away`` (what was not moved is still there).
    """
    try:
        with connections.connected(amqp_url, confirm_publish=True) as connection:
            return _drain(connection.channel(), queue, wanted)
    except connections.ERRORS as error:
        raise Retryable(
            "broker_away", f"{queue} is not empty yet, the broker did not do its part: {error!r}"
        ) from error


def _drain(channel: Any, queue: str, wanted: Queues) -> int:
    if consumers := channel.queue_declare(queue, passive=True).consumer_count:
        raise Rejected(
            "queue_in_use", f"{queue} has {consumers} consumers still: its workers empty it. Stop them then."
        )
    channel.queue_unbind(queue, EVENTS, queue)
    moved = 0
    while (message := channel.basic_get(queue)) is not None:
        _publish(channel, message, _belongs(message.headers or {}, wanted))
        channel.basic_ack(message.delivery_tag)
        moved += 1
    channel.queue_delete(queue)
    return moved


def _publish(channel: Any, message: Any, queue: str) -> None:
    """Publish a message as it came, and wait until the broker has it. Raises where no queue takes it."""
    channel.basic_publish(message, EVENTS, queue, mandatory=True, confirm_timeout=connections.TIMEOUT_S)


def _belongs(headers: Mapping[str, Any], wanted: Queues) -> str:
    """Where such a task goes today; what is no event goes to its family's queue, whose worker puts it away."""
    task = str(headers.get("task", ""))
    known = {spec.task: spec for spec in catalogue.specs()}
    return wanted.of(known[task]) if task in known else next(iter(catalogue.families()))
