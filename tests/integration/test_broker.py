"""The gateway's own connection to RabbitMQ, against a real node: what each outcome of a publish means."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pika
import pytest
from kombu import Connection
from twisted.internet import reactor as the_reactor
from twisted.internet.threads import blockingCallFromThread

from gameserver.broker.declare_queues import ensure_topology
from gameserver.broker.topology import PLAIN, Queues, topology
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult, Unicast
from gameserver.messages.task_message import task_message
from gameserver.modules.chat.events import Say
from gameserver.testing.broker import Vhost
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from gateway.amqp.broker import Away, Broker, Busy, Unroutable
from tasks.publisher import Publisher
from tests.amqp import parameters

FULL = 10
LATE = 10  # a quorum queue's bound is a soft one
QUORUM = Queues(type="quorum")


@pytest.fixture(scope="session")
def reactor() -> Iterator[Any]:
    """Twisted's reactor, running in a thread of its own as long as there are tests (it can't be started twice)."""
    running: Any = the_reactor
    thread = Thread(target=running.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    eventually(lambda: running.running, "a running reactor")
    yield running
    running.callFromThread(running.stop)
    thread.join(10)
    assert not thread.is_alive()


class Line:
    """A gateway's line to the broker, and all that came over it."""

    def __init__(self, reactor: Any, url: str, queues: Queues = PLAIN, **limits: float) -> None:
        self.reactor = reactor
        self.outbounds: list[BatchResult] = []
        self.ups = 0
        self.downs = 0
        self.on_outbound: Callable[[BatchResult], None] = self.outbounds.append
        self.broker = Broker(
            reactor=reactor,
            amqp_url=url,
            gateway="g1",
            topology=topology(Limits(**limits), queues),
            limits=Limits(**limits),
            on_outbound=lambda outbound: self.on_outbound(outbound),
            on_up=self._up,
            on_down=self._down,
            attend=lambda fd: None,
        )

    def _up(self) -> None:
        self.ups += 1

    def _down(self) -> None:
        self.downs += 1

    def start(self) -> "Line":
        self.reactor.callFromThread(self.broker.start)
        eventually(lambda: self.broker.up, "a line to the broker")
        return self

    def stop(self) -> None:
        blockingCallFromThread(self.reactor, self.broker.acknowledge_rest)
        blockingCallFromThread(self.reactor, self.broker.stop)

    def publish(self, id_: str = "a", queue: str = "chat") -> None:
        blockingCallFromThread(self.reactor, self.broker.publish, message(id_), queue)

    def call(self, method: str, key: str) -> None:
        blockingCallFromThread(self.reactor, getattr(self.broker, method), key)


def message(id_: str):
    return task_message([Envelope(id=id_, event=Say(text="x", seq=1), at_ms=0)], "g1")


@pytest.fixture
def make_line(reactor: Any, vhost: Vhost) -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def make(queues: Queues = PLAIN, url: str = vhost.url, **limits: float) -> Line:
        lines.append(Line(reactor, url, queues, **limits))
        return lines[-1].start()

    yield make
    for line in lines:
        line.stop()


def waiting(url: str, queue: str) -> list[Any]:
    """The ids of the tasks that wait in a queue; they are taken out."""
    with pika.BlockingConnection(parameters(url)) as connection:
        channel = connection.channel()
        found = iter(lambda: channel.basic_get(queue, auto_ack=True), (None, None, None))
        return [properties.headers["id"] for _, properties, _ in found]


def test_a_confirmed_publish_is_in_its_queue(make_line, vhost: Vhost):
    line = make_line()
    for id_ in "abc":
        line.publish(id_)
    assert waiting(vhost.url, "chat") == ["a", "b", "c"]


def test_a_full_queue_is_busy_and_takes_again_when_there_is_room(make_line, vhost: Vhost):
    line = make_line(queue_messages_max=FULL)
    for n in range(FULL):
        line.publish(f"{n}")
    with pytest.raises(Busy):
        line.publish("one too many")
    line.publish("elsewhere", "movement")
    assert len(waiting(vhost.url, "chat")) == FULL
    line.publish("again")
    assert waiting(vhost.url, "chat") == ["again"]


def test_a_full_quorum_queue_is_busy_too_if_a_little_late(make_line, vhost: Vhost):
    line = make_line(QUORUM, queue_messages_max=FULL)
    taken = [n for n in range(FULL + LATE) if takes(line, f"{n}")]
    assert FULL <= len(taken) < FULL + LATE
    assert waiting(vhost.url, "chat") == [f"{n}" for n in taken]
    eventually(lambda: takes(line, "again"), "room again")
    assert (line.ups, line.downs) == (1, 0)


def takes(line: Line, id_: str) -> bool:
    """Whether the queue takes it; it is busy otherwise."""
    with contextlib.suppress(Busy):
        line.publish(id_)
        return True
    return False


def test_of_several_nodes_the_next_is_tried_when_one_is_away(make_line, vhost: Vhost, private_node: RunningNode):
    (nobody,) = free_ports(1)
    away = vhost.url.replace(f":{private_node.node_port}/", f":{nobody}/")
    line = make_line(url=f"{away};{vhost.url}")
    private_node.ctl("close_all_connections", "--vhost", vhost.name, "cut by a test")
    eventually(lambda: line.ups == 2, "a new line")
    line.publish("after")
    assert waiting(vhost.url, "chat") == ["after"]


def test_a_missing_queue_is_unroutable_and_its_neighbours_are_not(make_line, vhost: Vhost):
    line = make_line()
    outcomes: dict[str, Any] = {}

    def publish_all() -> None:
        for n in range(20):
            queue = "nowhere" if n % 3 == 0 else "chat"
            sent = line.broker.publish(message(f"m{n}"), queue)
            sent.addBoth(lambda result, n=n: outcomes.update({n: result}))

    line.reactor.callFromThread(publish_all)
    eventually(lambda: len(outcomes) == 20, "all outcomes")
    lost = [n for n, result in sorted(outcomes.items()) if result is not None]
    assert lost == [0, 3, 6, 9, 12, 15, 18]
    assert all(outcomes[n].check(Unroutable) for n in lost)
    assert waiting(vhost.url, "chat") == [f"m{n}" for n in range(20) if n not in lost]


def test_before_there_is_a_line_everything_is_uncertain(reactor: Any, vhost: Vhost):
    line = Line(reactor, vhost.url)
    with pytest.raises(Away):
        line.publish()
    with pytest.raises(Away):
        line.call("bind", "zone.a")


def test_a_line_that_the_broker_cuts_is_made_again(make_line, vhost: Vhost, private_node: RunningNode):
    line = make_line()
    line.call("bind", "zone.a")
    for cut in (1, 2):
        private_node.ctl("close_all_connections", "--vhost", vhost.name, "cut by a test")
        eventually(lambda cut=cut: (line.ups, line.downs) == (cut + 1, cut), "one end and one new beginning")
    line.publish("after")
    assert waiting(vhost.url, "chat") == ["after"]
    tell(vhost.url, "zone.a")
    eventually(lambda: len(line.outbounds) == 1, "what is told under the key that was bound before")


def test_what_is_published_while_the_broker_hangs_is_uncertain_in_a_bounded_time(
    make_line, private_node: RunningNode, vhost: Vhost
):
    line = make_line(publish_confirm_timeout_s=0.5)
    os.kill(private_node.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Away):
            line.publish("frozen")
    finally:
        os.kill(private_node.pid, signal.SIGCONT)
    line.publish("thawed")
    assert waiting(vhost.url, "chat") == ["frozen", "thawed"]


def tell(url: str, *keys: str, count: int = 1) -> None:
    publisher = Publisher(url, topology(Limits(), PLAIN))
    try:
        for n in range(count):
            publisher.outbound(BatchResult(unicasts=[Unicast(conn=str(n))]), keys)
    finally:
        publisher.close()


def test_a_gateway_hears_what_it_is_told_by_name_and_what_it_has_bound(make_line, vhost: Vhost):
    line = make_line()
    tell(vhost.url, "zone.a")
    line.call("bind", "zone.a")
    tell(vhost.url, "gateway.g1")
    eventually(lambda: len(line.outbounds) == 1, "the one by name")
    tell(vhost.url, "zone.a")
    eventually(lambda: len(line.outbounds) == 2, "the one under the key")
    line.call("unbind", "zone.a")
    tell(vhost.url, "zone.a")
    tell(vhost.url, "gateway.g1")
    eventually(lambda: len(line.outbounds) == 3, "only the one by name")


def test_one_message_under_several_of_its_keys_comes_once(make_line, vhost: Vhost):
    line = make_line()
    for key in ("zone.a", "zone.b"):
        line.call("bind", key)
    tell(vhost.url, "zone.z", "zone.b", "gateway.g1", "zone.a", count=10)
    tell(vhost.url, "gateway.g1")
    eventually(lambda: len(line.outbounds) >= 11, "everything")
    assert [outbound.unicasts[0].conn for outbound in line.outbounds] == [*map(str, range(10)), "0"]


def test_everything_that_waited_for_a_gateway_comes_in_order_when_it_is_back(make_line, vhost: Vhost):
    make_line().stop()
    count = 1_500  # three times what the broker sends without an acknowledgement
    tell(vhost.url, "gateway.g1", count=count)
    line = make_line()
    eventually(lambda: len(line.outbounds) == count, "all that waited")
    assert [outbound.unicasts[0].conn for outbound in line.outbounds] == [str(n) for n in range(count)]
    assert line.downs == 0


@pytest.mark.parametrize("queues", [PLAIN, Queues(type="quorum")])
def test_what_a_frozen_gateway_does_not_take_is_bounded_and_refused_to_nobody(make_line, vhost: Vhost, queues: Queues):
    make_line(queues, gateway_prefetch=1, gateway_queue_messages_max=5).stop()
    with pika.BlockingConnection(parameters(vhost.url)) as connection:
        other = connection.channel()
        other.queue_declare("gateway.g2", exclusive=True)
        other.queue_bind("gateway.g2", "outbound", "gateway.g2")
        tell(vhost.url, "gateway.g1", "gateway.g2", count=20)

        def depth(queue: str) -> int:
            count: int = other.queue_declare(queue, passive=True).method.message_count
            return count

        eventually(lambda: depth("gateway.g2") == 20, "the other gateway has all")
        eventually(lambda: depth("gateway.g1") == 5, lambda: depth("gateway.g1"))
    line = make_line(queues, gateway_prefetch=1, gateway_queue_messages_max=5)
    eventually(lambda: len(line.outbounds) == 5, "what was left")
    assert [outbound.unicasts[0].conn for outbound in line.outbounds] == ["15", "16", "17", "18", "19"]


def test_a_queue_of_dead_messages_that_stands_with_other_arguments_stops_nobody(make_line, vhost: Vhost):
    with pika.BlockingConnection(parameters(vhost.url)) as connection:
        connection.channel().queue_declare("dead", durable=True)
    assert make_line().broker.up
    with Connection(vhost.url) as connection:
        ensure_topology(connection, topology(Limits(), PLAIN))


def test_one_unreadable_message_does_not_deafen_a_gateway(make_line, vhost: Vhost):
    line = make_line()

    def fail_once(outbound: BatchResult) -> None:
        line.on_outbound = line.outbounds.append
        raise RuntimeError("a fault of the hub's")

    line.on_outbound = fail_once
    with pika.BlockingConnection(parameters(vhost.url)) as connection:
        connection.channel().basic_publish("outbound", "gateway.g1", b"\xc1 no msgpack")
    tell(vhost.url, "gateway.g1", count=2)
    eventually(lambda: len(line.outbounds) == 1, "the message after the two faults")
