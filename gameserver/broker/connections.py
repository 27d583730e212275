"""Connect a tool to the broker, through kombu: to the first node that answers, without waiting for long.

Nothing but the gateway speaks another dialect (pika's, for Twisted). What the broker or the way to it does to a tool
becomes an error of this project that says what to do about it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from amqp.exceptions import AccessRefused, AMQPError, MessageNacked, NotAllowed, NotFound, PreconditionFailed
from kombu import Connection
from kombu.exceptions import OperationalError

from gameserver.broker import urls
from gameserver.broker.handshake import differs, explained, lacks, not_allowed, refused
from gameserver.errors import Corrupt, GameError, Retryable

TIMEOUT_S = 5.0
# What the broker, or the way to it, can do to a tool.
ERRORS = (AMQPError, MessageNacked, OperationalError, OSError)
# What it does not do, until somebody gives a permission, or makes what is missing or not as it should be.
REFUSALS = (AccessRefused, NotAllowed, NotFound, PreconditionFailed)


class Depth(msgspec.Struct, frozen=True):
    """How many messages wait in a queue, and how many consumers it has."""

    messages: int
    consumers: int


@contextmanager
def connected(amqp_url: str, **transport_options: Any) -> Iterator[Connection]:
    """Connect, trying each node once, and close at the end. Each answer of the broker is waited for ``TIMEOUT_S``.

    ``transport_options``: ``confirm_publish=True`` has the broker confirm what is published. Raises ``Retryable``
    ``broker_away`` and ``broker_blocked``, ``Corrupt`` ``broker_refuses``, ``broker_differs`` and ``broker_lacks``.
    """
    options = {
        "read_timeout": TIMEOUT_S,
        "write_timeout": TIMEOUT_S,
        "socket_settings": urls.KEEPALIVE,
        "on_blocked": lambda _: _end_blocked(connection),
        **transport_options,
    }
    connection: Connection = Connection(
        urls.for_kombu(amqp_url),
        ssl=urls.tls_for_kombu(amqp_url),
        connect_timeout=TIMEOUT_S,
        transport_options=options,
    )
    try:
        with connection:
            connection.ensure_connection(max_retries=len(urls.nodes(amqp_url)) - 1)
            yield connection
    except ERRORS as error:
        raise blame(error) from error


def _end_blocked(connection: Connection) -> None:
    """Cut the connection, on which nothing is answered while the broker's alarm lasts, not even its closing."""
    connection.connection.collect()
    raise Retryable(
        "broker_blocked",
        "The broker takes nothing from anybody who publishes: it is short of memory or disk (its alarm is on; "
        "rabbitmqctl status shows it). Free some, or raise vm_memory_high_watermark or disk_free_limit.",
    )


def blame(error: Exception) -> GameError:
    """Return the error of ours that says the same as one of ``ERRORS``, and what to do."""
    cause = error.__cause__ if isinstance(error, OperationalError) and error.__cause__ else error
    if isinstance(cause, AccessRefused):
        return Corrupt("broker_refuses", refused(_said(cause)))
    if isinstance(cause, NotAllowed):
        return Corrupt("broker_refuses", not_allowed(_said(cause)))
    if isinstance(cause, PreconditionFailed):
        return Corrupt("broker_differs", differs(_said(cause)))
    if isinstance(cause, NotFound):
        return Corrupt("broker_lacks", lacks(_said(cause)))
    return Retryable("broker_away", f"The broker does not answer: {explained(_said(cause))}")


def _said(error: BaseException) -> str:
    return str(getattr(error, "reply_text", None) or error or type(error).__name__)


class DepthReader:
    """Asks for queues' depths, on one channel as long as there are such queues."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel: Any = None  # the broker closes it when there is no such queue

    def depth(self, queue: str) -> Depth | None:
        """Return a queue's depth, or ``None`` where there is no such queue."""
        channel, self._channel = self._channel or self._connection.channel(), None
        try:
            found = channel.queue_declare(queue, passive=True)
        except NotFound:
            return None
        self._channel = channel
        return Depth(found.message_count, found.consumer_count)
