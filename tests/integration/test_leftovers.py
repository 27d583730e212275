"""Queues that no setting names any more: seen, emptied into those of today, removed."""

from typing import Any

import pika
import pytest

from gameserver.broker.topology import Queues
from gameserver.cli import main
from gameserver.errors import Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.movement.events import Move
from gameserver.operations import drain_queues
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.amqp import parameters
from tests.integration.test_workers import declare, publish, queue_length

LEFT = "movement.1"


@pytest.fixture(params=["classic", "quorum"])
def split(deployment: Deployment, request: pytest.FixtureRequest) -> Deployment:
    """A deployment whose movement was split, with something in the second part; its settings are of today again."""
    deployment.environ["GAMESERVER_QUEUE_TYPE"] = request.param
    deployment.environ["GAMESERVER_SPLIT_QUEUES"] = "movement:2"
    declare(deployment)
    moves = [Envelope(id=f"m{n}", event=Move(dir="n", seq=n), at_ms=0, shard_key="meadow") for n in range(1, 4)]
    publish(deployment, *(task_message([move], "a test") for move in moves), queue=LEFT)
    del deployment.environ["GAMESERVER_SPLIT_QUEUES"]
    return deployment


def test_what_is_left_is_told_and_moved_and_its_queue_removed(
    split: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AMQP_URL", "GAMESERVER_HOME", "GAMESERVER_QUEUE_TYPE"):
        monkeypatch.setenv(name, split.environ[name])
    assert main(["queues"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(LEFT)]
    assert line.split()[1] == "3"
    assert line.endswith("named by no setting")
    assert main(["queues", "--drain"]) == 0
    assert "3 messages moved" in capsys.readouterr().out
    assert queue_length(split, "movement") == 3
    assert main(["queues"]) == 0
    assert LEFT not in capsys.readouterr().out


def test_a_message_is_moved_as_it_came(split: Deployment) -> None:
    settings = Queues(type=split.environ["GAMESERVER_QUEUE_TYPE"])
    with pika.BlockingConnection(parameters(split.amqp_url)) as connection:
        channel = connection.channel()
        before = taken(channel, LEFT)
        assert drain_queues.drain(split.amqp_url, LEFT, settings) == 3
        after = taken(channel, "movement")
    for (was, was_body), (became, body) in zip(before, after, strict=True):
        assert body == was_body
        assert known(became) == known(was)


def test_what_no_queue_takes_stays_where_it_is(split: Deployment) -> None:
    with pika.BlockingConnection(parameters(split.amqp_url)) as connection:
        connection.channel().queue_delete("movement")
    with pytest.raises(Retryable, match=f"{LEFT} is not empty yet") as fault:
        drain_queues.drain(split.amqp_url, LEFT, Queues(type=split.environ["GAMESERVER_QUEUE_TYPE"]))
    assert fault.value.code == "broker_away"
    assert queue_length(split, LEFT) == 3


def taken(channel: Any, queue: str) -> list[tuple[Any, bytes]]:
    """Take all messages of a queue, and give them back. Until then a quorum queue counts each ``get`` as a consumer."""
    found = []
    while (message := channel.basic_get(queue))[0] is not None:
        found.append(message)
    channel.basic_nack(0, multiple=True)
    eventually(lambda: not channel.queue_declare(queue, passive=True).method.consumer_count)
    return [(properties, body) for _, properties, body in found]


def known(properties: Any) -> dict[str, Any]:
    """Properties of a message, without what a quorum queue counts."""
    headers = {name: value for name, value in properties.headers.items() if not name.startswith("x-")}
    return {**vars(properties), "headers": headers}


def test_a_queue_that_somebody_still_takes_from_is_left_alone(split: Deployment) -> None:
    with pika.BlockingConnection(parameters(split.amqp_url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(LEFT, lambda *_: None)
        with pytest.raises(Rejected, match="1 consumers") as refused:
            drain_queues.drain(split.amqp_url, LEFT, Queues())
    assert refused.value.code == "queue_in_use"
