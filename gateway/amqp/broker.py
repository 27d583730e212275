"""The gateway's connection to RabbitMQ, through pika's Twisted adapter.

There is one connection. When it is lost it is made again with backoff, to the next node where there are several. It has
two channels: one publishes with confirms, the other consumes the gateway's own queue. A publish ends in one of three
ways: confirmed; refused (``Busy``, ``Unroutable``: the event is certainly not in the queue); or uncertain (``Away``: it
may be in the queue, and publishing it again is harmless, because watermarks keep an event from being applied twice).
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pika
from pika.adapters.twisted_connection import TwistedProtocolConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError
from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from gameserver.broker.gateway_routing import gateway_queue
from gameserver.broker.topology import EVENTS, NOWHERE, OUTBOUND, REPORTS, Topology, offered, version
from gameserver.limits import Limits
from gameserver.messages.outbound import Outbound
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage
from gameserver.runtime.logging import Seldom
from gateway.amqp.alarm import BrokerAlarm
from gateway.amqp.consumer import OutboundConsumer
from gateway.amqp.failover import BrokerFactory, FailoverEndpoint
from gateway.amqp.queue_setup import QueueSetup
from gateway.amqp.refusals import REFUSED_PAUSE_S, Refusals, what_to_do
from gateway.net.transport import keep_alive, set_no_delay, socket_of

log = logging.getLogger(__name__)
unprepared = Seldom(log)
missing = Seldom(log)
for _name in ("pika.channel", "pika.adapters.twisted_connection"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # each channel closed, each message returned: we tell it, seldom

FULL = 0.75  # a full quorum queue refuses until a fifth of it is gone


class Busy(Exception):
    """The queue is full, or the broker's alarm is on: the event is not in the queue."""


class Unroutable(Exception):
    """The queue does not exist: the event is in none."""


class Away(Exception):
    """The broker is disconnected, or did not confirm in time: whether the event is in the queue is unknown."""


class Broker:
    """Publishes events and receives outbound messages.

    ``on_up`` and ``on_down`` are called when the connection becomes usable, and when it is lost. ``attend`` is called
    with the descriptor of each new connection, whose input must not be delayed.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        amqp_url: str,
        gateway: str,
        topology: Topology,
        limits: Limits,
        on_outbound: Callable[[Outbound], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        attend: Callable[[int], None],
    ) -> None:
        self._reactor = reactor
        self._gateway = gateway
        self._topology = topology
        self._limits = limits
        self._on_outbound = on_outbound
        self._on_up = on_up
        self._on_down = on_down
        self._attend = attend
        self._stopping = False
        self._connection: Any = None
        self._socket: Any = None
        self._publishing: Any = None
        self._consuming: Any = None
        self._binding = defer.DeferredLock()  # pika's adapter must not be closed with several calls pending
        self._consumer: OutboundConsumer | None = None
        self._setup = QueueSetup(topology, gateway)
        self._alarm = BrokerAlarm()
        self._returned: set[str] = set()
        self._refusals = Refusals(backoffPolicy(initialDelay=0.2, maxDelay=5.0, factor=1.6))
        nodes: Any = FailoverEndpoint(reactor, amqp_url)
        connecting: Any = BrokerFactory(reactor, nodes, self._connected, self._refusals.note)
        self._service = ClientService(
            nodes,
            connecting,
            retryPolicy=self._refusals.pause_s,
            clock=reactor,
        )

    @property
    def up(self) -> bool:
        """Whether events can be published now."""
        return self._publishing is not None

    @property
    def blocked(self) -> bool:
        """Whether the broker's alarm is on: it accepts no publishes from anyone."""
        return self._alarm.is_on

    def start(self) -> None:
        """Connect, and stay connected."""
        self._service.startService()

    def use(self, topology: Topology) -> None:
        """Publish by this topology from now on; it stands already."""
        self._topology = topology
        self._setup = QueueSetup(topology, self._gateway)

    def stop(self) -> defer.Deferred[None]:
        """Disconnect for good."""
        self._stopping = True
        if self._connection is not None:
            self._connection.loseConnection()  # it cuts off a broker that does not hang up, which the service would not
        return self._service.stopService()

    def publish(self, message: TaskMessage, queue: str) -> defer.Deferred[None]:
        """Publish a task. Fails with ``Busy``, ``Unroutable`` or ``Away``."""
        if self._publishing is None:
            return defer.fail(Away())
        if self.blocked:
            return defer.fail(Busy())
        properties = pika.BasicProperties(
            content_type=CONTENT_TYPE,
            content_encoding=CONTENT_ENCODING,
            delivery_mode=2 if message.persistent else 1,
            priority=self._topology.wanted.priority(message.priority),
            correlation_id=message.task_id,
            timestamp=message.accepted_s,
            headers=message.headers,
        )
        sent = self._publishing.basic_publish(EVENTS, queue, message.body, properties, mandatory=True)
        if self._socket.doWrite() is not None:  # now, because the reactor may pause before it writes
            self._socket.startWriting()  # an error or a closing socket: the reactor handles it
        sent.addTimeout(self._limits.publish_confirm_timeout_s, self._reactor)
        sent.addBoth(self._confirmed, message.task_id, queue)
        return sent

    def report(self, key: str, body: bytes) -> None:
        """Publish an answer to a query. It is dropped where the broker is away or the asker is gone."""
        if self._consuming is not None:
            self._consuming.basic_publish(REPORTS, key, body).addErrback(lambda failure: None)

    def _confirmed(self, result: Any, task_id: str, queue: str) -> defer.Deferred[None] | None:
        """Turn the broker's answer to a publish into its end. pika says that one was returned, but not which."""
        if task_id in self._returned:
            self._returned.discard(task_id)
            raise Unroutable()
        if not isinstance(result, Failure) or result.check(UnroutableError):
            return None
        if not result.check(NackError):
            raise Away()
        if self._topology.wanted.type == "classic":
            raise Busy()
        return self._binding.run(self._why_refused, queue)

    @defer.inlineCallbacks
    def _why_refused(self, queue: str) -> Any:
        """Find out why a quorum queue refused. Raises ``Busy`` when it is full, else reconnects and raises ``Away``.

        A quorum queue refuses when it has no leader, too. RabbitMQ 3.10 then goes on refusing on a channel that was
        opened at that moment, until the old leader is back; only a new connection helps.
        """
        if self._consuming is None:
            raise Away()
        found = yield self._consuming.queue_declare(queue, passive=True).addErrback(_away)
        if found.method.message_count >= FULL * self._limits.queue_messages_max:
            raise Busy()
        self._lost(f"{queue} refuses and is not full", self._connection)
        raise Away()

    def _message_returned(self, message: Any) -> None:
        self._returned.add(message.properties.correlation_id)

    def bind(self, key: str) -> defer.Deferred[None]:
        """Bind the gateway's queue to a routing key. Fires when it is bound; fails with ``Away``."""
        return self._binding.run(self._call, "queue_bind", key)

    def unbind(self, key: str) -> defer.Deferred[None]:
        """Remove the binding of a routing key. Fires when it is removed; fails with ``Away``."""
        return self._binding.run(self._call, "queue_unbind", key)

    def _call(self, method: str, key: str) -> defer.Deferred[None]:
        if self._consuming is None:
            return defer.fail(Away())
        done = getattr(self._consuming, method)(queue=gateway_queue(self._gateway), exchange=OUTBOUND, routing_key=key)
        return done.addErrback(_away)

    def _connected(self, connection: TwistedProtocolConnection) -> None:
        connection.closed.addErrback(lambda failure: None)  # the channels report it
        set_no_delay(connection.transport)
        keep_alive(connection.transport)
        self._set_up(connection).addErrback(self._failed, connection)

    def restore(self) -> defer.Deferred[bool]:
        """Declare exchanges, queues and bindings again, where someone removed them from the broker.

        Fires with whether the exchange ``outbound`` was missing: messages published to it meanwhile are lost. Fails
        with ``Away``, or with the broker's refusal, which is logged.
        """
        return self._binding.run(self._restore)

    @defer.inlineCallbacks
    def _restore(self) -> Any:
        connection = self._connection
        if connection is None:
            raise Away()
        try:
            was_missing = yield self._setup.restore(connection)
        except ChannelClosedByBroker as refused:
            missing.warning("not all stands on the broker as it should: %s", what_to_do(refused))
            raise
        return was_missing

    @defer.inlineCallbacks
    def _set_up(self, connection: Any) -> Any:
        self._socket = socket_of(connection.transport)
        self._attend(self._socket.fileno())
        yield self._setup.declare_shared(connection)
        publishing = yield connection.channel()
        yield publishing.confirm_delivery()
        publishing.add_on_return_callback(self._message_returned)
        if self._refusals.in_doubt:
            yield publishing.basic_publish(EVENTS, NOWHERE, b"")  # its channel is closed where that is refused
        yield self._setup.declare_own_queue(publishing)
        consuming = yield connection.channel()
        yield consuming.basic_qos(prefetch_count=self._limits.gateway_prefetch)
        queue, _ = yield consuming.basic_consume(gateway_queue(self._gateway), auto_ack=False)
        self._alarm.watch(connection)
        publishing.on_closed.addBoth(self._lost, connection)
        consuming.on_closed.addBoth(self._lost, connection)
        self._refusals.in_doubt = False
        self._connection, self._publishing, self._consuming = connection, publishing, consuming
        self._consumer = self._consumer_of(consuming, queue, connection)
        self._consumer.consume()
        log.info("connected to the broker: %s", self._offered(connection))
        self._on_up()

    def _consumer_of(self, channel: Any, queue: Any, connection: Any) -> OutboundConsumer:
        at_once = self._limits.gateway_prefetch // 4
        return OutboundConsumer(channel, queue, at_once, self._on_outbound, partial(self._deaf, connection))

    def _offered(self, connection: Any) -> str:
        running = version(connection._impl.server_properties)  # pika's adapter does not pass them on
        return f"RabbitMQ {running[0]}.{running[1]}, {offered(self._topology.wanted.type, running)}"

    def _failed(self, failure: Failure, connection: TwistedProtocolConnection) -> None:
        self._refusals.note(failure.value)
        unprepared.warning("setting the broker connection up failed: %s", what_to_do(failure.value))
        self._lost(None, connection)

    def _lost(self, reason: Any, connection: TwistedProtocolConnection) -> None:
        """Drop a connection of which a channel closed, and call ``on_down``. The service then connects again."""
        was_up, self._connection, self._publishing, self._consuming = self.up, None, None, None
        self._returned.clear()
        if self._consumer is not None:
            self._consumer.stop()
        if connection.transport is not None:
            connection.transport.abortConnection()
        if was_up:
            self._tell_loss(reason)
            self._on_down()

    def _tell_loss(self, reason: Any) -> None:
        """Say why the connection is lost. What the broker refuses it refuses again after the pause: seldom."""
        if self._refusals.note(reason):
            unprepared.warning("%s Trying again every %d seconds.", what_to_do(reason), REFUSED_PAUSE_S)
        elif not self._stopping:
            log.warning("lost the broker: %s", reason)

    def _deaf(self, connection: Any, reason: BaseException | None) -> None:
        """Reconnect where the broker cancelled the consumer on an open channel: someone removed the gateway's queue."""
        if connection is self._connection:
            self._lost(reason, connection)

    def acknowledge_rest(self) -> None:
        """Acknowledge all deliveries so far. Called periodically, for a gateway that receives little."""
        if self._consumer is not None:
            self._consumer.acknowledge_rest()


def _away(failure: Failure) -> None:
    failure.trap(AMQPError, ConnectionLost, ConnectionDone, ConnectError)
    raise Away()
