"""Make the exchanges and queues on the broker, through kombu: for workers, beat, and ``gameserver declare``.

A user with least privilege may not declare; it looks whether everything is there, which needs no permission. So a
deployment whose users are bounded is declared once by its operator, and one whose users may do all declares itself.
"""

import logging
from typing import Any

from amqp import Message
from amqp.exceptions import AccessRefused, PreconditionFailed
from kombu import Exchange, Queue

from gameserver.broker import topology
from gameserver.broker.topology import Topology, is_about_dead

log = logging.getLogger(__name__)


def ensure_topology(connection: Any, wanted: Topology) -> None:
    """Declare, or look. What stands stays as it is; arguments that differ, or something missing, raise amqp's error.

    The dead messages' queue may differ: it stands behind no event, and an operator empties it before it is made anew.
    """
    try:
        declare(connection, wanted)
    except AccessRefused:
        _look(connection, wanted)
    except PreconditionFailed as differs:
        if not is_about_dead(str(differs)):
            raise
        log.warning("delete this queue when it is empty, it is made anew: %s", differs)
        _look(connection, wanted)


def try_publishing(connection: Any) -> None:
    """Publish what leads nowhere to each exchange to which workers tell something and that can lead it nowhere.

    Raises amqp's ``AccessRefused`` where the user may not, and ``NotFound`` where an exchange is missing.
    """
    with connection.channel() as channel:
        for exchange in (topology.EVENTS, topology.OUTBOUND):
            channel.basic_publish(Message(b""), exchange, topology.NOWHERE)
            channel.exchange_declare(exchange, "direct", passive=True)  # its answer comes after that of the publish


def declare(connection: Any, wanted: Topology) -> None:
    """Declare exchanges, queues and bindings. Raises amqp's ``AccessRefused`` where the user may not."""
    with connection.channel() as channel:
        for exchange in wanted.exchanges:
            _declare_exchange(channel, exchange)
        for queue in wanted.queues:
            _declare_queue(channel, queue)


def _declare_exchange(channel: Any, wanted: topology.Exchange) -> None:
    exchange = Exchange(wanted.name, type=wanted.kind, durable=True, arguments=wanted.arguments, channel=channel)
    exchange.declare()
    if wanted.source:
        exchange.bind_to(wanted.source)


def _declare_queue(channel: Any, wanted: topology.Queue) -> None:
    queue = Queue(wanted.name, durable=True, queue_arguments=wanted.arguments, channel=channel)
    queue.queue_declare()
    for key in wanted.keys:
        queue.bind_to(wanted.exchange, routing_key=key)
        if wanted.unbound:
            channel.queue_unbind(queue.name, wanted.unbound, key)


def _look(connection: Any, wanted: Topology) -> None:
    with connection.channel() as channel:
        for exchange in wanted.exchanges:
            Exchange(exchange.name, type=exchange.kind, channel=channel).declare(passive=True)
        for queue in wanted.queues:
            Queue(queue.name, channel=channel).queue_declare(passive=True)
