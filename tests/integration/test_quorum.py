"""Quorum queues on a real broker: what keeps the promises there, where classic queues have other means."""

from urllib.parse import unquote, urlsplit

import pika
import pytest
from kombu import Connection

from gameserver.broker.declare_queues import declare
from gameserver.broker.topology import DEAD, DELAYS_MS, EVENTS, URGENT, Queues, delay_name, offered, topology, version
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.chat.events import Say
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.amqp import parameters
from tests.operators import celery

LIMITS = Limits(deliveries_max=5)


@pytest.fixture
def declared(vhost: Vhost) -> Vhost:
    """A virtual host with all quorum queues."""
    with Connection(vhost.url) as connection:
        declare(connection, topology(LIMITS, Queues(type="quorum")))
    return vhost


def publish(url: str, exchange: str, key: str) -> None:
    message = task_message([Envelope(id="a", event=Say(text="x", seq=1), at_ms=0)], "here")
    with pika.BlockingConnection(parameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, message.body, pika.BasicProperties(headers=message.headers))


def take_and_die(url: str, queue: str) -> bool:
    """Be a consumer that gets a message and loses its connection. Returns whether there was one."""
    with pika.BlockingConnection(parameters(url)) as connection:
        method, _, _ = connection.channel().basic_get(queue)
        return method is not None


def length(url: str, queue: str) -> int:
    with pika.BlockingConnection(parameters(url)) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)


def test_what_kills_whoever_takes_it_is_given_up_after_so_many_deliveries(declared: Vhost) -> None:
    publish(declared.url, EVENTS, "chat")
    deaths = 0

    def is_given_up() -> bool:  # the broker moves it after the last death, meanwhile it is nowhere to be seen
        nonlocal deaths
        deaths += take_and_die(declared.url, "chat")
        return length(declared.url, DEAD) == 1

    eventually(is_given_up, lambda: f"its end, after {deaths} deaths")
    assert deaths == LIMITS.deliveries_max + 1
    assert length(declared.url, "chat") == 0


def test_the_urgent_overtakes_where_the_broker_knows_priorities(declared: Vhost) -> None:
    queues = Queues(type="quorum")
    wanted = [0] * 9 + [URGENT]
    with pika.BlockingConnection(parameters(declared.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for priority in wanted:
            channel.basic_publish(EVENTS, "chat", b"", pika.BasicProperties(priority=queues.priority(priority)))
        running = version(connection._impl.server_properties)
        taken = [channel.basic_get("chat", auto_ack=True)[1].priority for _ in wanted]
    first = taken.index(queues.priority(URGENT))
    assert first < 2 if running >= (4, 0) else first == 9, (running, offered("quorum", running))


@pytest.mark.parametrize("ms", DELAYS_MS[:2])
def test_what_is_delayed_comes_back_to_its_queue(declared: Vhost, ms: int) -> None:
    publish(declared.url, delay_name(ms), "chat")
    eventually(lambda: length(declared.url, "chat") == 1, "the message in its queue again")
    assert length(declared.url, delay_name(ms)) == 0


def test_a_deployment_on_quorum_queues_plays_and_declares_none_but_its_own(deployment: Deployment) -> None:
    deployment.environ["GAMESERVER_QUEUE_TYPE"] = "quorum"
    worker = deployment.worker(name="all")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as ada, LineClient(gateway.port) as bob:
        ada.register("Ada", "a long secret")
        bob.register("Bob", "a long secret")
        assert ada.ask("say", text="hello")["type"] == "ok"
        assert ada.ask("whisper", to="bob", text="psst")["type"] == "ok"
        assert bob.ask("give", to="ada", coins=3)["type"] == "ok"
    assert "Global QoS is disabled" in worker.text
    assert "quorum queues" in gateway.text
    with pika.BlockingConnection(parameters(deployment.amqp_url)) as connection, pytest.raises(Exception, match="404"):
        connection.channel().queue_declare("celery_delayed_0", passive=True)


def test_a_grown_pool_is_brought_more_though_a_consumer_of_a_quorum_queue_keeps_its_prefetch(
    deployment: Deployment, private_node: RunningNode
) -> None:
    """On RabbitMQ 4.3 classic queues are served in the same way."""
    deployment.environ["GAMESERVER_QUEUE_TYPE"] = "quorum"
    deployment.worker(name="all")
    place = unquote(urlsplit(deployment.amqp_url).path[1:])

    def prefetched() -> set[str]:
        """How much each consumer of events may hold, by the broker's own word."""
        lines = private_node.ctl("list_consumers", "-p", place, "-s", "queue_name", "prefetch_count").splitlines()
        told = [line.split("\t") for line in lines]
        return {count for queue, count in told if queue in catalogue.families()}

    assert prefetched() == {"1"}
    assert "pool will grow" in celery(deployment, "control", "pool_grow", "1")
    eventually(lambda: prefetched() == {"2"}, "a message for each child")
    with LineClient(deployment.gateway().port) as ada:
        ada.register("Ada", "a long secret")
        assert ada.ask("say", text="hello")["type"] == "ok"
