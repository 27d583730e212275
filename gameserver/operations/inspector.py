"""Questions to all parts of a deployment, through the broker alone: no port of theirs need be known or open.

Gateways answer a query that is sent through ``outbound``, workers answer Celery's remote control, and the broker
answers a passive declaration of each queue. Parts that do not answer within ``ANSWER_S`` count as absent.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from typing import Any

from celery import Celery
from kombu import Connection, Consumer, Exchange, Producer, Queue

from gameserver.broker import urls
from gameserver.broker.connections import Depth, connected, depth
from gameserver.broker.routing import GATEWAYS, QUERY_PRIORITY
from gameserver.broker.topology import OUTBOUND, REPORTS
from gameserver.messages.outbound import Query, encode_outbound
from gameserver.messages.reports import GatewayReport, read_gateway_report

ANSWER_S = 1.0
LATE_S = 0.05  # what is on its way when the time is over


class Inspector:
    """Asks the deployment behind a broker. All methods raise what ``broker.connections.connected`` raises."""

    def __init__(self, amqp_url: str) -> None:
        self._amqp_url = amqp_url
        self._app = Celery("watch", broker=urls.for_kombu(amqp_url), set_as_current=False)

    def connection(self) -> AbstractContextManager[Connection]:
        """Open a connection."""
        return connected(self._amqp_url)

    def ask_all(self) -> tuple[list[GatewayReport], dict[str, str]]:
        """Ask every gateway for its report, and every worker for its metrics, by its name. Takes ``ANSWER_S``."""
        workers: dict[str, str] = {}
        reports = self._ask("", lambda connection: workers.update(self._workers(connection, "metrics")))
        return reports, workers

    def catalogues(self) -> dict[str, str]:
        """Ask every worker for its catalogue, as ``catalogue export`` writes it. Takes ``ANSWER_S``.

        Workers of versions that do not know the question are left out.
        """
        with self.connection() as connection:
            return self._workers(connection, "catalogue")

    def consume(self, worker: str, exchange: str, queue: str, arguments: dict[str, Any]) -> None:
        """Have a worker take from one more queue, which stands already with these arguments."""
        wanted = {"queue": queue, "exchange": exchange, "routing_key": queue, "queue_arguments": arguments}
        self._app.control.broadcast("add_consumer", arguments=wanted, destination=[worker])

    def ask_about_event(self, event_id: str) -> list[GatewayReport]:
        """Ask every gateway what it remembers of an event. Takes ``ANSWER_S``."""
        return self._ask(event_id, lambda connection: _listen(connection, ANSWER_S))

    def _workers(self, connection: Connection, question: str) -> dict[str, str]:
        replies = self._app.control.broadcast(question, connection=connection, reply=True, timeout=ANSWER_S) or []
        return {name: text for reply in replies for name, text in reply.items() if isinstance(text, str)}

    def _ask(self, about: str, meanwhile: Callable[[Connection], Any]) -> list[GatewayReport]:
        found: list[GatewayReport] = []
        with self.connection() as connection, connection.channel() as channel:
            declare_exchanges(channel, OUTBOUND, REPORTS)
            answers = temporary_queue(channel)
            answers.bind_to(REPORTS, routing_key=answers.name)
            consumer = Consumer(
                channel, [answers], callbacks=[_append_report_to(found)], accept=["application/data"], no_ack=True
            )
            with consumer:
                question = encode_outbound(Query(reply_to=answers.name, event_id=about))
                _publish(channel, question)
                meanwhile(connection)
                _listen(connection, LATE_S)
        return sorted(found, key=lambda report: report.gateway)

    def queue_depths(self, queues: Iterable[str]) -> dict[str, Depth]:
        """Count messages and consumers of these queues, as far as they exist."""
        with self.connection() as connection:
            return {name: found for name in queues if (found := depth(connection, name)) is not None}


def declare_exchanges(channel: Any, *exchanges: str) -> None:
    """Declare exchanges, which are missing where no process has run yet."""
    for name in exchanges:
        Exchange(name, type="direct", durable=True, channel=channel).declare()


def temporary_queue(channel: Any, arguments: dict[str, Any] | None = None) -> Queue:
    """Declare a queue that is removed with the connection."""
    name = channel.queue_declare("", exclusive=True, auto_delete=True, durable=False, arguments=arguments).queue
    return Queue(name, channel=channel, exclusive=True, auto_delete=True, durable=False, no_declare=True)


def _append_report_to(found: list[GatewayReport]) -> Callable[[Any, Any], None]:
    return lambda _, message: found.append(read_gateway_report(bytes(message.body)))


def _publish(channel: Any, question: bytes) -> None:
    Producer(channel, auto_declare=False).publish(
        question,
        exchange=OUTBOUND,
        routing_key=GATEWAYS,
        content_type="application/x-msgpack",
        content_encoding="binary",
        priority=QUERY_PRIORITY,
        delivery_mode=1,
        expiration=5 * ANSWER_S,
    )


def _listen(connection: Connection, for_s: float) -> None:
    """Take what arrives within so many seconds."""
    until_s = time.monotonic() + for_s
    while (left_s := until_s - time.monotonic()) > 0:
        with suppress(TimeoutError):
            connection.drain_events(timeout=left_s)
