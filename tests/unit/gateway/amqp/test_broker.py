"""What a gateway makes of a quorum queue's refusal, and how it writes. The rest needs a real broker."""

from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import NackError
from twisted.internet import defer
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gameserver.broker.topology import Queues, topology
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.chat.events import Say
from gateway.amqp.broker import Away, Broker, Busy
from gateway.amqp.consumer import OutboundConsumer

LIMITS = Limits(queue_messages_max=300)


class Channel:
    """A channel to a queue of so many messages, of a connection that can be aborted."""

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.aborted = False
        self.transport = self

    def queue_declare(self, queue: str, passive: bool) -> Any:
        assert passive
        return defer.succeed(SimpleNamespace(method=SimpleNamespace(message_count=self.messages)))

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted = True


class Recorder(Channel):
    """A channel and its socket: what was done, in order."""

    def __init__(self, fault: Any = None) -> None:
        super().__init__(0)
        self.fault = fault
        self.done: list[str] = []

    def basic_publish(self, *_: Any, **__: Any) -> Any:
        self.done.append("published")
        return defer.Deferred()

    def doWrite(self) -> Any:  # noqa: N802
        self.done.append("written")
        return self.fault

    def startWriting(self) -> None:  # noqa: N802
        self.done.append("left to the reactor")

    def loseConnection(self) -> None:  # noqa: N802
        self.done.append("hung up")


def line(channel: Channel, queues: Queues, downs: list[None]) -> Broker:
    """A gateway's line to the broker, as after a set-up."""
    broker = Broker(
        reactor=Clock(),
        amqp_url="amqp://a//",
        gateway="g1",
        topology=topology(LIMITS, queues),
        limits=LIMITS,
        on_outbound=lambda outbound: None,
        on_up=lambda: None,
        on_down=lambda: downs.append(None),
        attend=lambda fd: None,
    )
    broker._connection = broker._publishing = broker._consuming = broker._socket = channel
    return broker


@pytest.mark.parametrize(
    ("fault", "done"),
    [(None, ["published", "written"]), (CONNECTION_DONE, ["published", "written", "left to the reactor"])],
)
def test_what_is_published_is_written_at_once_and_a_closing_socket_is_left_to_the_reactor(
    fault: Any, done: list[str]
) -> None:
    """It closes what it is asked to write to; the socket itself has said by then that it need not be asked."""
    recorder = Recorder(fault)
    envelope = Envelope(id="g1.a:1", event=Say(text="hello", seq=1), at_ms=0)
    line(recorder, Queues(), []).publish(task_message([envelope], "g1"), "chat")
    assert recorder.done == done


def test_who_stops_hangs_up_in_the_way_that_cuts_off_a_silent_broker() -> None:
    """The service that keeps the connection hangs up by itself, but past ``BrokerProtocol``."""
    recorder = Recorder()
    line(recorder, Queues(), []).stop()
    assert recorder.done == ["hung up"]


def refused(channel: Channel, queues: Queues) -> tuple[type[Exception], bool]:
    """How a refusal ends, and whether the gateway knows that its line went down."""
    downs: list[None] = []
    broker = line(channel, queues, downs)
    ends: list[Any] = []
    sent: defer.Deferred[Any] = defer.fail(Failure(NackError([])))
    sent.addBoth(broker._confirmed, "t1", "chat").addBoth(ends.append)
    return ends[0].type, bool(downs)


@pytest.mark.parametrize("messages", [300, 240])
def test_a_quorum_queue_that_is_full_is_busy(messages: int) -> None:
    channel = Channel(messages)
    assert refused(channel, Queues(type="quorum")) == (Busy, False)
    assert not channel.aborted


def test_a_quorum_queue_that_refuses_without_being_full_asks_for_a_new_line() -> None:
    channel = Channel(3)
    assert refused(channel, Queues(type="quorum")) == (Away, True)
    assert channel.aborted


def test_a_classic_queue_that_refuses_is_full() -> None:
    assert refused(Channel(0), Queues()) == (Busy, False)


class Deliveries:
    """What comes from a queue, as pika gives it."""

    def __init__(self) -> None:
        self.asked: list[defer.Deferred[Any]] = []

    def get(self) -> defer.Deferred[Any]:
        self.asked.append(defer.Deferred())
        return self.asked[-1]

    def come(self, tag: int) -> None:
        self.asked[-1].callback((None, SimpleNamespace(delivery_tag=tag), None, b"no message"))


class Acknowledged:
    """A channel that remembers what was acknowledged."""

    def __init__(self) -> None:
        self.tags: list[int] = []

    def basic_ack(self, tag: int, multiple: bool) -> None:
        assert multiple
        self.tags.append(tag)


def test_what_comes_is_acknowledged_in_parts_and_not_at_all_once_the_channel_is_lost() -> None:
    channel, queue, ends = Acknowledged(), Deliveries(), []
    consumer = OutboundConsumer(channel, queue, 2, lambda outbound: None, ends.append)
    consumer.consume()
    for tag in (1, 2, 3):
        queue.come(tag)
    assert channel.tags == [2]
    consumer.acknowledge_rest()
    consumer.acknowledge_rest()
    assert channel.tags == [2, 3]
    queue.come(4)
    consumer.stop()
    consumer.acknowledge_rest()
    queue.come(5)
    assert channel.tags == [2, 3]
    lost = ConnectionError("lost")
    queue.asked[-1].errback(Failure(lost))
    assert ends == [lost]
