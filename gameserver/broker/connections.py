"""Connect a tool to the broker, through kombu: to the first node that answers, without waiting for long.

Nothing but the gateway speaks another dialect (pika's, for Twisted).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from amqp.exceptions import AMQPError, MessageNacked, NotFound
from kombu import Connection
from kombu.exceptions import OperationalError

from gameserver.broker import urls

TIMEOUT_S = 5.0
# What the broker, or the way to it, can do to a tool.
ERRORS = (AMQPError, MessageNacked, OperationalError, OSError)


class Depth(msgspec.Struct, frozen=True):
    """How many messages wait in a queue, and how many consumers it has."""

    messages: int
    consumers: int


@contextmanager
def connected(amqp_url: str, **transport_options: Any) -> Iterator[Connection]:
    """Connect, trying each node once, and close at the end. Raises one of ``ERRORS``.

    ``transport_options``: ``confirm_publish=True`` has the broker confirm what is published.
    """
    options = {
        "read_timeout": TIMEOUT_S,
        "write_timeout": TIMEOUT_S,
        "socket_settings": urls.KEEPALIVE,
        **transport_options,
    }
    with Connection(
        urls.for_kombu(amqp_url),
        ssl=urls.tls_for_kombu(amqp_url),
        connect_timeout=TIMEOUT_S,
        transport_options=options,
    ) as connection:
        connection.ensure_connection(max_retries=len(urls.nodes(amqp_url)) - 1)
        yield connection


def depth(connection: Connection, queue: str) -> Depth | None:
    """Return a queue's depth, or ``None`` where there is no such queue."""
    channel = connection.channel()  # one for each: the broker closes it when there is no such queue
    try:
        found = channel.queue_declare(queue, passive=True)
    except NotFound:
        return None
    channel.close()
    return Depth(found.message_count, found.consumer_count)
