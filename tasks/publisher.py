"""What a process publishes: events back into the queue, and outbound messages to the gateways, both confirmed.

One connection per child process, made when it is first used and made again when it broke. It sends no heartbeats (a
child that waits for work has nobody to send them): TCP looks after it when it is idle, and a publish that is not
confirmed in time is repeated on a new one, to the next node of a cluster. Twice is harmless: gateways and watermarks
tell doubles. Every answer of the broker is waited for in bounded time: a node that comes back may take a connection and
not answer on it, and the child's lease goes on meanwhile.

An exchange that somebody removed is made anew, but ``outbound`` by the gateways, if there are any: only they know what
of it they want to hear, and what is told before they have said so is lost. An event must come into a queue: where none
is bound the broker gives it back (``mandatory``), and what is missing is made anew.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed, NotFound
from kombu import Connection, Producer

from gameserver.broker import urls
from gameserver.broker.connections import REFUSALS, blame
from gameserver.broker.declare_queues import ensure_topology
from gameserver.broker.gateway_routing import RESULT_PRIORITY
from gameserver.broker.topology import EVENTS, OUTBOUND, Topology
from gameserver.messages.outbound import BatchResult, encode_outbound
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage
from gameserver.runtime.logging import Seldom
from tasks.untold import Unpublishable

# Together well below the shortest lease: after a quiet time something on the way may have forgotten the connection.
CONFIRM_S_MAX = 2.0
CONNECT_S_MAX = 2.0
# Gateways find out within 4 seconds that nothing reaches them, and make the exchange anew.
OUTBOUND_S_MAX = 5.0
OUTBOUND_PAUSE_S = 0.25
RESTORES_MAX = 2  # what still leads nowhere then, this user may not make anew
_RETRY = {"max_retries": 8, "interval_start": 0.05, "interval_step": 0.2, "interval_max": 1.0}


log = logging.getLogger(__name__)
removed = Seldom(log)


class _Connection(Connection):
    """A connection that leaves a node without a goodbye: kombu closes channel and connection, and waits for answers."""

    def switch(self, conn_str: str) -> None:
        """Go on with another node."""
        self.collect()
        super().switch(conn_str)


class Publisher:
    """Publishes for one process. Raises ``kombu.exceptions.OperationalError`` when the broker stays away.

    It raises ``Unpublishable``, which is one, where the broker is there and does not take it.

    ``wanted``: what stands on the broker when nothing was removed. ``pause`` waits for so many seconds.
    """

    def __init__(self, amqp_url: str, wanted: Topology, pause: Callable[[float], None] = time.sleep) -> None:
        self._topology = wanted
        self._pause = pause
        self._connection = _Connection(
            urls.for_kombu(amqp_url),
            ssl=urls.tls_for_kombu(amqp_url),
            heartbeat=0,
            connect_timeout=CONNECT_S_MAX,
            transport_options={
                "confirm_publish": True,
                "socket_settings": urls.KEEPALIVE,
                "read_timeout": CONFIRM_S_MAX,
                "write_timeout": CONFIRM_S_MAX,
            },
        )
        self._came_back = False
        self._producer = Producer(self._connection, auto_declare=False, on_return=self._note_return)

    def outbound(self, outbound: BatchResult, keys: Sequence[str]) -> None:
        """Tell all gateways whose queue listens to any of the keys, once each (RabbitMQ's ``CC`` header)."""
        if keys:
            first, *others = keys
            self._publish(
                encode_outbound(outbound),
                exchange=OUTBOUND,
                routing_key=first,
                headers={"CC": others},
                content_type="application/x-msgpack",
                content_encoding="binary",
                priority=RESULT_PRIORITY,
                delivery_mode=1,
            )

    def task(self, message: TaskMessage, queue: str, exchange: str = EVENTS) -> None:
        """Put a batch of events into a queue (or into a delay before it)."""
        self._publish(
            message.body,
            exchange=exchange,
            routing_key=queue,
            headers=message.headers,
            content_type=CONTENT_TYPE,
            content_encoding=CONTENT_ENCODING,
            priority=self._topology.wanted.priority(message.priority),
            delivery_mode=2 if message.persistent else 1,
            correlation_id=message.task_id,
            timestamp=message.accepted_s,
            mandatory=True,
        )

    def _publish(self, body: bytes, *, exchange: str, **options: Any) -> None:
        waited_s, restored = 0.0, 0
        while not self._published(body, exchange=exchange, **options):
            if exchange == OUTBOUND and waited_s < OUTBOUND_S_MAX:
                self._pause(OUTBOUND_PAUSE_S)
                waited_s += OUTBOUND_PAUSE_S
            elif restored < RESTORES_MAX:
                self._restore()
                restored += 1
            else:
                raise Unpublishable(
                    f"What goes to the exchange {exchange} by the key {options['routing_key']!r} leads nowhere. "
                    "`gameserver declare`, as a user who may, mends that."
                )

    def _published(self, body: bytes, **options: Any) -> bool:
        """Publish it. Returns whether its exchange was there, and a queue where one must be."""
        self._came_back = False
        try:
            self._producer.publish(body, retry=True, retry_policy=_RETRY, confirm_timeout=CONFIRM_S_MAX, **options)
        except NotFound:
            self._producer.revive(self._connection.channel())  # the broker closed the other one
            return False
        except (AccessRefused, NotAllowed) as refused:
            raise self._blamed(refused) from refused
        return not self._came_back

    def _note_return(self, *_: Any) -> None:
        """The broker gives back what it found no queue for; it says so before it confirms."""
        self._came_back = True

    def _restore(self) -> None:
        removed.warning("something was removed from the broker, and is made anew")
        try:
            ensure_topology(self._connection, self._topology)
        except REFUSALS as refused:
            raise self._blamed(refused) from refused

    def _blamed(self, refused: Exception) -> Unpublishable:
        self._connection.collect()  # its channel is closed; a new one is made with the next publish
        return Unpublishable(blame(refused).message)

    def close(self) -> None:
        """Close the connection."""
        self._connection.release()
