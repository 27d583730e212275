"""What an operator removes from the broker under running processes comes back by itself, and everybody is answered.

Most of it nobody publishes into in time to miss it: gateways declare all of it anew every now and then.
"""

import csv
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest

from gameserver.broker.gateway_routing import GATEWAYS, gateway_key, gateway_queue
from gameserver.broker.topology import EVENTS, OUTBOUND, PLAIN, topology
from gameserver.limits import Limits
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from gateway.service import RESTORE_S
from tests.amqp import parameters
from tests.deployments import FAMILIES

ANSWERED_S_MAX = 30.0
STANDS_S_MAX = RESTORE_S + 20.0
PLAN = topology(Limits(), PLAIN)
EXCHANGES = [exchange.name for exchange in PLAN.exchanges]
QUEUES = [queue.name for queue in PLAN.queues]
PROMPT = {EVENTS, OUTBOUND, "chat", "sessions"}  # whose loss somebody notices at once
BINDINGS = {
    *((queue.exchange, queue.name, "queue", key) for queue in PLAN.queues for key in queue.keys),
    *((exchange.source, exchange.name, "exchange", "") for exchange in PLAN.exchanges if exchange.source),
}

Binding = tuple[str, str, str, str]  # what is bound to, what is, of which kind that is, and by which key


class Playing:
    """A deployment in which two players see each other."""

    def __init__(self, deployment: Deployment, node: RunningNode, vhost: str) -> None:
        self.deployment = deployment
        self._node, self._vhost = node, vhost
        deployment.worker(*FAMILIES, name="all")
        self.gateway = deployment.gateway()
        self.ada, self.bob = (LineClient(self.gateway.port) for _ in range(2))
        self.ada.register("Ada", "a long secret")
        self.bob.register("Bob", "a long secret")
        self.said = 0
        own = gateway_queue(self.gateway.id)
        keys = (gateway_key(self.gateway.id), GATEWAYS)
        self._bindings = BINDINGS | {(OUTBOUND, own, "queue", key) for key in keys}

    def remove(self, what: Callable[[Any], None]) -> None:
        """Do to the broker what somebody does by hand."""
        with pika.BlockingConnection(parameters(self.deployment.amqp_url)) as connection:
            what(connection.channel())

    def missing(self) -> set[Any]:
        """What of all that is needed does not stand on the broker."""
        exchanges = {row[0] for row in self._list("list_exchanges", "name")}
        queues = {row[0] for row in self._list("list_queues", "name")}
        fields = ("source_name", "destination_name", "destination_kind", "routing_key")
        bindings = set(self._list("list_bindings", *fields))
        return {*EXCHANGES} - exchanges | {*QUEUES} - queues | self._bindings - bindings

    def _list(self, what: str, *fields: str) -> list[tuple[str, ...]]:
        text = self._node.ctl("--quiet", what, "-p", self._vhost, *fields, "--no-table-headers")
        return [tuple(row) for row in csv.reader(text.splitlines(), delimiter="\t") if row]

    def talks(self) -> bool:
        """Ada whispers to Bob. Returns whether it was done; refused it may be, but not left unanswered."""
        answer = self.ada.reply(self.ada.post("whisper", to="Bob", text="hello"), ANSWERED_S_MAX)
        assert answer.get("code", "unavailable") == "unavailable", answer
        return bool(answer["type"] == "ok")

    def recovers(self) -> None:
        """All goes on: what a player does, and what others see of it. All stands that was there before."""
        eventually(self.talks, "a whisper", ANSWERED_S_MAX)
        self.said += 1
        assert self.ada.reply(self.ada.post("say", text=f"line {self.said}"), ANSWERED_S_MAX)["type"] == "ok"
        self.bob.expect("heard", ANSWERED_S_MAX, text=f"line {self.said}")
        eventually(lambda: not self.missing(), "what was removed", STANDS_S_MAX)


@pytest.fixture(scope="module")
def playing(
    module_vhost: Vhost, private_node: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playing]:
    with a_deployment(module_vhost.url, tmp_path_factory.mktemp("server")) as made:
        playing = Playing(made, private_node, module_vhost.name)
        with playing.ada, playing.bob:
            assert not playing.missing()
            yield playing


def unbind(channel: Any, binding: Binding) -> None:
    source, name, kind, key = binding
    getattr(channel, f"{kind}_unbind")(name, source, key)


def in_turn(*names: str) -> list[Any]:
    """All of them, of which those that take half a minute belong to the long tests."""
    return [pytest.param(name, marks=() if name in PROMPT else pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", in_turn(*EXCHANGES))
def test_an_exchange_comes_back(name: str, playing: Playing) -> None:
    playing.remove(lambda channel: channel.exchange_delete(name))
    playing.recovers()


@pytest.mark.parametrize("name", in_turn(*QUEUES))
def test_a_queue_comes_back(name: str, playing: Playing) -> None:
    playing.remove(lambda channel: channel.queue_delete(name))
    playing.recovers()


@pytest.mark.parametrize(
    "binding",
    [
        pytest.param(each, id=f"{each[0]} to {each[1]}", marks=() if each[1] in PROMPT else pytest.mark.long)
        for each in sorted(BINDINGS)
    ],
)
def test_a_binding_comes_back(binding: Binding, playing: Playing) -> None:
    playing.remove(lambda channel: unbind(channel, binding))
    playing.recovers()


def test_all_that_nobody_misses_comes_back(playing: Playing) -> None:
    def remove(channel: Any) -> None:
        for name in {*EXCHANGES} - PROMPT:
            channel.exchange_delete(name)
        for name in [queue.name for queue in PLAN.queues if queue.exchange != EVENTS]:
            channel.queue_delete(name)
        for binding in BINDINGS:
            if binding[0] == EVENTS and binding[1] not in PROMPT:
                unbind(channel, binding)

    playing.remove(remove)
    playing.recovers()


def test_a_gateways_own_queue_comes_back(playing: Playing) -> None:
    playing.remove(lambda channel: channel.queue_delete(gateway_queue(playing.gateway.id)))
    playing.recovers()


def test_a_gateways_keys_come_back(playing: Playing) -> None:
    def remove(channel: Any) -> None:
        channel.exchange_delete(OUTBOUND)
        channel.exchange_declare(OUTBOUND, "direct", durable=True)

    playing.remove(remove)
    playing.recovers()
