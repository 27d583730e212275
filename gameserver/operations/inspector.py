"""Ask all parts of a deployment how they are, through the broker alone: no port of theirs need be known or open.

Gateways answer a query that is sent through ``outbound``, workers answer Celery's remote control, and the broker
answers a passive declaration of each queue. Parts that do not answer within ``ANSWER_S`` count as absent. Nobody knows
how many there are, so that a question takes that long, unless whoever asks knows who is to answer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import takewhile
from threading import Event
from typing import Any

from celery import Celery
from kombu import Connection, Consumer, Exchange, Producer, Queue

from gameserver.broker import urls
from gameserver.broker.connections import Depth, DepthReader, connected
from gameserver.broker.gateway_routing import GATEWAYS, QUERY_PRIORITY
from gameserver.broker.topology import OUTBOUND, PARTS_MAX, REPORTS, part_name
from gameserver.messages.outbound import Query, encode_outbound
from gameserver.messages.process_reports import GatewayReport, read_gateway_report

ANSWER_S = 1.0
LATE_S = 0.05  # what is on its way when the time is over
LINES = 8  # connections over which many questions are asked at the same time: each waits for its answer


class _Enough(Exception):
    """All who were expected have answered."""


class _Answers:
    """What was answered so far. Raises ``_Enough`` once all who are expected have answered; nobody: never."""

    def __init__(self, expected: frozenset[str]) -> None:
        self.reports: list[GatewayReport] = []
        self.workers: dict[str, str] = {}
        self._expected = expected

    def add_report(self, _: Any, message: Any) -> None:
        """Take a gateway's answer."""
        self.reports.append(read_gateway_report(bytes(message.body)))
        self._end_when_complete()

    def add_worker(self, answer: Mapping[str, Any]) -> None:
        """Take a worker's answer."""
        self.workers.update({name: text for name, text in answer.items() if isinstance(text, str)})
        self._end_when_complete()

    def _end_when_complete(self) -> None:
        names = {report.gateway for report in self.reports} | self.workers.keys()
        if self._expected and self._expected <= names:
            raise _Enough


class Inspector:
    """Asks the deployment behind a broker. All methods raise what ``broker.connections.connected`` raises."""

    def __init__(self, amqp_url: str) -> None:
        self._amqp_url = amqp_url
        self._app = Celery("watch", broker=urls.for_kombu(amqp_url), set_as_current=False)

    def connection(self) -> AbstractContextManager[Connection]:
        """Open a connection."""
        return connected(self._amqp_url)

    def ask_all(
        self, expected: frozenset[str] = frozenset(), quiet_s: float = ANSWER_S
    ) -> tuple[list[GatewayReport], dict[str, str]]:
        """Ask every gateway for its report, and every worker for its metrics, by its name.

        Takes until all ``expected`` (names of gateways and workers) have answered, or nobody did for ``quiet_s``.
        """
        answers = _Answers(expected)

        def ask_workers(connection: Connection) -> None:
            self._broadcast(connection, "metrics", answers, quiet_s)
            _listen(connection, quiet_s if expected else LATE_S)

        return self._ask("", ask_workers, answers), answers.workers

    def catalogues(self) -> dict[str, str]:
        """Ask every worker for its catalogue, as ``catalogue export`` writes it. Takes ``ANSWER_S``.

        Workers of versions that do not know the question are left out.
        """
        answers = _Answers(frozenset())
        with self.connection() as connection:
            self._broadcast(connection, "catalogue", answers, ANSWER_S)
        return answers.workers

    def consume(self, worker: str, exchange: str, queue: str, arguments: dict[str, Any]) -> None:
        """Have a worker take from one more queue, which stands already with these arguments."""
        wanted = {"queue": queue, "exchange": exchange, "routing_key": queue, "queue_arguments": arguments}
        self._app.control.broadcast("add_consumer", arguments=wanted, destination=[worker])

    def ask_about_event(self, event_id: str) -> list[GatewayReport]:
        """Ask every gateway what it remembers of an event. Takes ``ANSWER_S``."""
        return self._ask(event_id, lambda connection: _listen(connection, ANSWER_S + LATE_S), _Answers(frozenset()))

    def _broadcast(self, connection: Connection, question: str, answers: _Answers, quiet_s: float) -> None:
        """Ask every worker, and listen until nothing came for so long."""
        self._app.control.broadcast(
            question, connection=connection, reply=True, timeout=quiet_s, callback=answers.add_worker
        )

    def _ask(self, about: str, meanwhile: Callable[[Connection], Any], answers: _Answers) -> list[GatewayReport]:
        with self.connection() as connection, connection.channel() as channel:
            declare_exchanges(channel, OUTBOUND, REPORTS)
            queue = temporary_queue(channel)
            queue.bind_to(REPORTS, routing_key=queue.name)
            consumer = Consumer(
                channel, [queue], callbacks=[answers.add_report], accept=["application/data"], no_ack=True
            )
            with consumer, suppress(_Enough):
                _publish(channel, encode_outbound(Query(reply_to=queue.name, event_id=about)))
                meanwhile(connection)
        return sorted(answers.reports, key=lambda report: report.gateway)

    def queue_depths(self, wholes: Sequence[str]) -> dict[str, Depth]:
        """Count messages and consumers of these queues and of their parts, as far as they exist.

        A part is looked for where the one before it is: parts are made together, and drained from the last one on.
        """
        over = Event()
        shares = [share for n in range(LINES) if (share := wholes[n::LINES])]
        with ThreadPoolExecutor(LINES) as pool:
            try:
                found = list(pool.map(partial(self._parts_of, over), shares))
            finally:
                over.set()  # whoever has waited long enough does not wait for the other lines
        parts = {whole: depths for share in found for whole, depths in share.items()}
        return {name: depth for whole in wholes if whole in parts for name, depth in parts[whole].items()}

    def _parts_of(self, over: Event, wholes: Sequence[str]) -> dict[str, dict[str, Depth]]:
        with self.connection() as connection:
            reader = DepthReader(connection)
            return {whole: _existing(reader, whole) for whole in takewhile(lambda _: not over.is_set(), wholes)}


def _existing(reader: DepthReader, whole: str) -> dict[str, Depth]:
    found: dict[str, Depth] = {}
    for name in (part_name(whole, n) for n in range(PARTS_MAX)):
        depth = reader.depth(name)
        if depth is None:
            break
        found[name] = depth
    return found


def declare_exchanges(channel: Any, *exchanges: str) -> None:
    """Declare exchanges, which are missing where no process has run yet."""
    for name in exchanges:
        Exchange(name, type="direct", durable=True, channel=channel).declare()


def temporary_queue(channel: Any, arguments: dict[str, Any] | None = None) -> Queue:
    """Declare a queue that is removed with the connection."""
    name = channel.queue_declare("", exclusive=True, auto_delete=True, durable=False, arguments=arguments).queue
    return Queue(name, channel=channel, exclusive=True, auto_delete=True, durable=False, no_declare=True)


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
