"""Connections to the broker that were dropped on the way without a word: noticed well within the shortest lease."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from kombu import Connection, Consumer, Exchange, Queue
from twisted.internet import protocol, tcp

from gameserver.broker.declare_queues import declare
from gameserver.broker.gateway_routing import GATEWAYS
from gameserver.broker.topology import OUTBOUND, PLAIN, topology
from gameserver.broker.urls import KEEPALIVE
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.messages.outbound import BatchResult, Outbound, decode_outbound
from gameserver.testing.broker import Vhost
from gameserver.testing.proxy import Proxy
from gameserver.testing.rabbitmq_node import RunningNode
from gateway.net.transport import keep_alive
from tasks.publisher import CONFIRM_S_MAX, CONNECT_S_MAX, Publisher

SHORTEST_LEASE_S = min(spec.lease_s for spec in catalogue.specs())


@pytest.fixture
def firewall(private_node: RunningNode) -> Iterator[Proxy]:
    """What stands between a process and its broker."""
    proxy = Proxy(private_node.node_port)
    yield proxy
    proxy.stop()


def test_a_publish_over_a_forgotten_connection_is_repeated_on_a_new_one_within_the_shortest_lease(
    private_node: RunningNode, firewall: Proxy, vhost: Vhost
) -> None:
    way = vhost.url.replace(f":{private_node.node_port}/", f":{firewall.port}/")
    queue = Queue("hears", Exchange(OUTBOUND, no_declare=True), routing_key=GATEWAYS, auto_delete=True)
    heard: list[tuple[Outbound, int]] = []
    with closing(Publisher(way, topology(Limits(), PLAIN))) as publisher, Connection(vhost.url) as connection:
        declare(connection, topology(Limits(), PLAIN))
        with Consumer(
            connection.default_channel,
            [queue],
            on_message=lambda message: heard.append(decode_outbound(bytes(message.body))),
            no_ack=True,
        ):
            publisher.outbound(BatchResult(task="before"), [GATEWAYS])
            firewall.forget()
            began_s = time.monotonic()
            publisher.outbound(BatchResult(task="after"), [GATEWAYS])
            took_s = time.monotonic() - began_s
            while [outbound.task for outbound, _ in heard][-1:] != ["after"]:
                connection.drain_events(timeout=5)
    assert took_s < SHORTEST_LEASE_S - 1


def test_all_that_a_publish_waits_for_is_over_before_the_shortest_lease_is() -> None:
    assert CONFIRM_S_MAX + CONNECT_S_MAX < SHORTEST_LEASE_S


def test_idle_connections_of_processes_and_gateways_are_looked_after_by_tcp(vhost: Vhost) -> None:
    with (
        closing(Publisher(vhost.url, topology(Limits(), PLAIN))) as publisher,
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as raw,
    ):
        publisher._connection.connect()
        keep_alive(tcp.Connection(raw, protocol.Protocol()))
        for each in (raw, publisher._connection.connection.transport.sock):
            assert each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert {option: each.getsockopt(socket.IPPROTO_TCP, option) for option in KEEPALIVE} == KEEPALIVE
