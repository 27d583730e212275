"""What an operator removes from the broker under running processes comes back by itself, and everybody is answered."""

from collections.abc import Iterator

import pika
import pytest

from gameserver.broker.gateway_routing import gateway_queue
from gameserver.broker.topology import OUTBOUND, PLAIN, topology
from gameserver.limits import Limits
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.amqp import parameters
from tests.deployments import FAMILIES

ANSWERED_S_MAX = 30.0
PLAN = topology(Limits(), PLAIN)
EXCHANGES = [exchange.name for exchange in PLAN.exchanges]
QUEUES = ["chat", "sessions", "dead"]  # one to be asked of, one that gateways live by, one that nobody takes from


class Playing:
    """A deployment in which two players see each other."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        deployment.worker(*FAMILIES, name="all")
        self.gateway = deployment.gateway()
        self.ada, self.bob = (LineClient(self.gateway.port) for _ in range(2))
        self.ada.register("Ada", "a long secret")
        self.bob.register("Bob", "a long secret")
        self.said = 0

    def talks(self) -> bool:
        """Ada whispers to Bob. Returns whether it was done; refused it may be, but not left unanswered."""
        answer = self.ada.reply(self.ada.post("whisper", to="Bob", text="hello"), ANSWERED_S_MAX)
        assert answer.get("code", "unavailable") == "unavailable", answer
        return bool(answer["type"] == "ok")

    def recovers(self) -> None:
        """All goes on: what a player does, and what others see of it."""
        eventually(self.talks, "a whisper", ANSWERED_S_MAX)
        self.said += 1
        assert self.ada.reply(self.ada.post("say", text=f"line {self.said}"), ANSWERED_S_MAX)["type"] == "ok"
        self.bob.expect("heard", ANSWERED_S_MAX, text=f"line {self.said}")


@pytest.fixture(scope="module")
def playing(module_vhost: Vhost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    with a_deployment(module_vhost.url, tmp_path_factory.mktemp("server")) as made:
        playing = Playing(made)
        with playing.ada, playing.bob:
            yield playing


@pytest.mark.parametrize(
    ("kind", "name"), [*(("exchange", name) for name in EXCHANGES), *(("queue", name) for name in QUEUES)]
)
def test_what_is_removed_comes_back_and_everybody_is_answered(kind: str, name: str, playing: Playing) -> None:
    with pika.BlockingConnection(parameters(playing.deployment.amqp_url)) as connection:
        getattr(connection.channel(), f"{kind}_delete")(name)
    playing.recovers()


def test_a_gateways_own_queue_comes_back(playing: Playing) -> None:
    with pika.BlockingConnection(parameters(playing.deployment.amqp_url)) as connection:
        connection.channel().queue_delete(gateway_queue(playing.gateway.id))
    playing.recovers()


def test_a_gateways_keys_come_back(playing: Playing) -> None:
    with pika.BlockingConnection(parameters(playing.deployment.amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_delete(OUTBOUND)
        channel.exchange_declare(OUTBOUND, "direct", durable=True)
    playing.recovers()
