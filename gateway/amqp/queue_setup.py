"""Declare on a connection what a gateway needs of the broker: the shared exchanges and queues, and its own queue."""

from collections.abc import Iterator
from typing import Any

from pika.exceptions import ChannelClosedByBroker
from twisted.internet import defer

from gameserver.broker.gateway_routing import GATEWAYS, gateway_key, gateway_queue
from gameserver.broker.topology import OUTBOUND, Topology, is_about_dead

ACCESS_REFUSED = 403  # AMQP's code


class QueueSetup:
    """What is to stand for one gateway, by one topology."""

    def __init__(self, topology: Topology, gateway: str) -> None:
        self._topology = topology
        self._gateway = gateway
        self._may_declare = True

    def declare_shared(self, connection: Any) -> Any:
        """Declare the shared exchanges and queues; check that they exist where this user may not declare."""
        self._may_declare = True  # that may be another user
        return self._see_to_shared(connection)

    @defer.inlineCallbacks
    def _see_to_shared(self, connection: Any) -> Any:
        channel = yield connection.channel()
        try:
            yield from self._declare(channel) if self._may_declare else self._look(channel)
        except ChannelClosedByBroker as refused:
            if refused.reply_code != ACCESS_REFUSED and not is_about_dead(refused.reply_text):
                raise
            self._may_declare = refused.reply_code != ACCESS_REFUSED  # the broker and pika log each refusal
            channel = yield connection.channel()
            yield from self._look(channel)
        yield channel.close()

    def _declare(self, channel: Any) -> Iterator[Any]:
        for exchange in self._topology.exchanges:
            yield channel.exchange_declare(exchange.name, exchange.kind, durable=True, arguments=exchange.arguments)
            if exchange.source:
                yield channel.exchange_bind(exchange.name, exchange.source)
        for queue in self._topology.queues:
            yield channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
            for key in queue.keys:
                yield channel.queue_bind(queue.name, queue.exchange, key)
                if queue.unbound:
                    yield channel.queue_unbind(queue.name, queue.unbound, key)

    def _look(self, channel: Any) -> Iterator[Any]:
        for exchange in self._topology.exchanges:
            yield channel.exchange_declare(exchange.name, exchange.kind, passive=True)
        for queue in self._topology.queues:
            yield channel.queue_declare(queue.name, passive=True)

    @defer.inlineCallbacks
    def declare_own_queue(self, channel: Any) -> Any:
        """Declare the gateway's own queue, with the keys that it always has."""
        yield channel.queue_declare(
            gateway_queue(self._gateway), durable=True, arguments=self._topology.gateway_arguments
        )
        for key in (gateway_key(self._gateway), GATEWAYS):
            yield channel.queue_bind(gateway_queue(self._gateway), OUTBOUND, key)

    @defer.inlineCallbacks
    def restore(self, connection: Any) -> Any:
        """Declare everything again. Fires with whether the exchange ``outbound`` was missing."""
        was_missing = yield from self._lacks_outbound(connection)
        yield self._see_to_shared(connection)
        channel = yield connection.channel()
        yield self.declare_own_queue(channel)
        yield channel.close()
        return was_missing

    def _lacks_outbound(self, connection: Any) -> Any:
        channel = yield connection.channel()
        try:
            yield channel.exchange_declare(OUTBOUND, passive=True)
        except ChannelClosedByBroker:
            return True
        yield channel.close()
        return False
