"""What a worker publishes comes into a queue, whatever somebody removed; where that can't be, it says so."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pika
import pytest

from gameserver.broker.connections import connected
from gameserver.broker.declare_queues import declare, ensure_topology, try_publishing
from gameserver.broker.topology import DEAD, DEAD_EVENTS, DEAD_SORTED, DELAYS_MS, EVENTS, PLAIN, delay_name, topology
from gameserver.limits import Limits
from gameserver.local.rabbitmq_node import USER
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.chat.events import Say
from gameserver.testing.broker import Vhost
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tasks.publisher import Publisher
from tasks.untold import Unpublishable
from tests.amqp import parameters

PLAN = topology(Limits(), PLAIN)
DELAY = delay_name(DELAYS_MS[-1])
MESSAGE = task_message([Envelope(id="e1", event=Say(text="hello", seq=1), at_ms=0)], "a test")


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[Any]:
    with connected(vhost.url) as connection:
        declare(connection, PLAN)
    with pika.BlockingConnection(parameters(vhost.url)) as connection:
        yield connection.channel()


@pytest.fixture
def publisher(vhost: Vhost) -> Iterator[Publisher]:
    with closing(Publisher(vhost.url, PLAN)) as made:
        yield made


REMOVALS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "a binding to events": (EVENTS, "chat", lambda channel: channel.queue_unbind("chat", EVENTS, "chat")),
    "a queue of events": (EVENTS, "chat", lambda channel: channel.queue_delete("chat")),
    "the exchange events": (EVENTS, "chat", lambda channel: channel.exchange_delete(EVENTS)),
    "the binding of a delay": (DELAY, DELAY, lambda channel: channel.queue_unbind(DELAY, DELAY, "")),
    "the queue of a delay": (DELAY, DELAY, lambda channel: channel.queue_delete(DELAY)),
    "the exchange of a delay": (DELAY, DELAY, lambda channel: channel.exchange_delete(DELAY)),
    "the queue dead": (DEAD, DEAD, lambda channel: channel.queue_delete(DEAD)),
    "the binding of dead": (DEAD, DEAD, lambda channel: channel.queue_unbind(DEAD, DEAD_EVENTS, "")),
    "the binding of dead.sorted": (DEAD, DEAD, lambda channel: channel.exchange_unbind(DEAD_SORTED, DEAD)),
}


@pytest.mark.parametrize("what", REMOVALS)
def test_an_event_comes_into_its_queue_whatever_was_removed_before_it(
    what: str, channel: Any, publisher: Publisher
) -> None:
    exchange, queue, remove = REMOVALS[what]
    publisher.task(MESSAGE, "chat", exchange)
    eventually(lambda: channel.queue_purge(queue).method.message_count == 1, "the first")
    remove(channel)
    publisher.task(MESSAGE, "chat", exchange)
    eventually(lambda: channel.queue_purge(queue).method.message_count == 1, "the second")


def test_where_a_user_may_not_make_it_anew_that_is_told(
    channel: Any, publisher: Publisher, vhost: Vhost, private_node: RunningNode
) -> None:
    channel.queue_unbind(DELAY, DELAY, "")
    private_node.ctl("set_permissions", "-p", vhost.name, USER, "^$", ".*", ".*")
    with pytest.raises(Unpublishable, match="leads nowhere"):
        publisher.task(MESSAGE, "chat", DELAY)


def test_who_is_refused_says_so_and_publishes_again_when_it_may(
    channel: Any, publisher: Publisher, vhost: Vhost, private_node: RunningNode
) -> None:
    private_node.ctl("set_permissions", "-p", vhost.name, USER, "", "", "")
    with pytest.raises(Unpublishable, match="The broker refuses the user of AMQP_URL"):
        publisher.task(MESSAGE, "chat")
    private_node.ctl("set_permissions", "-p", vhost.name, USER, ".*", ".*", ".*")
    publisher.task(MESSAGE, "chat")
    eventually(lambda: channel.queue_purge("chat").method.message_count == 1, "the event")


def test_a_worker_sees_for_itself_whether_it_may_publish(channel: Any, vhost: Vhost, private_node: RunningNode) -> None:
    with connected(vhost.url) as connection:
        try_publishing(connection)
    private_node.ctl("set_permissions", "-p", vhost.name, USER, ".*", f"^{DEAD}$", ".*")
    with pytest.raises(Exception, match="broker_refuses"), connected(vhost.url) as connection:
        try_publishing(connection)
    private_node.ctl("set_permissions", "-p", vhost.name, USER, ".*", ".*", ".*")
    with connected(vhost.url) as connection:
        try_publishing(connection)
        ensure_topology(connection, PLAN)  # the connection is still good
