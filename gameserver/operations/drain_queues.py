"""Emptying of queues that a setting named once and none names any more: parts of a split queue, a single event type's.

The messages are moved to the queues to which their events would go today. Neither a move nor a double does harm: a lane
has one task under way, and effects happen once. The queue is unbound first, so that no message arrives afterwards.
"""

from collections.abc import Mapping
from typing import Any

from gameserver.broker import connections
from gameserver.broker.topology import EVENTS, Queues
from gameserver.declare import catalogue
from gameserver.errors import Rejected, Retryable


def drain(amqp_url: str, queue: str, wanted: Queues) -> int:
    """Move the messages of a queue and remove it. Returns how many there were.

    Raises ``Rejected`` ``queue_in_use`` while the queue has consumers, and ``Retryable`` ``broker_away``: then the
    messages that were not moved are still in the queue.
    """
    try:
        with connections.connected(amqp_url, confirm_publish=True) as connection:
            return _drain(connection.channel(), queue, wanted)
    except Retryable as error:
        raise Retryable(error.code, f"{queue} is not empty yet. {error.message}") from error


def _drain(channel: Any, queue: str, wanted: Queues) -> int:
    _check_unused(channel, queue)
    channel.queue_unbind(queue, EVENTS, queue)
    moved = 0
    while (message := channel.basic_get(queue)) is not None:
        _publish(channel, message, _target(message.headers or {}, wanted))
        channel.basic_ack(message.delivery_tag)
        moved += 1
    channel.queue_delete(queue)
    return moved


def _check_unused(channel: Any, queue: str) -> None:
    consumers = channel.queue_declare(queue, passive=True).consumer_count
    if consumers:
        sentence = f"{queue} has {consumers} consumers still: its workers empty it. Stop them then."
        raise Rejected("queue_in_use", sentence)


def _publish(channel: Any, message: Any, queue: str) -> None:
    """Publish a copy of the message and wait for the broker's confirmation. Raises when no queue takes it."""
    channel.basic_publish(message, EVENTS, queue, mandatory=True, confirm_timeout=connections.TIMEOUT_S)


def _target(headers: Mapping[str, Any], wanted: Queues) -> str:
    """Name the queue of a task today. Workers of any family put an unknown task with the dead letters."""
    task = str(headers.get("task", ""))
    known = {spec.task: spec for spec in catalogue.specs()}
    return wanted.of(known[task]) if task in known else next(iter(catalogue.families()))
