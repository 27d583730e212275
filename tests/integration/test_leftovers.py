"""Queues that no setting names any more: seen, emptied into those of today, removed."""

import pika
import pytest

from gameserver.broker.topology import Queues
from gameserver.broker.urls import parameters
from gameserver.cli import main
from gameserver.errors import Rejected
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.modules.movement.events import Move
from gameserver.operations import drain_queues
from tests.houses import House
from tests.integration.test_workers import declare, publish, queue_length

LEFT = "movement.1"


@pytest.fixture(params=["classic", "quorum"])
def split(house: House, request: pytest.FixtureRequest) -> House:
    """A house whose movement was split, with something in the second part; its settings are of today again."""
    house.environ["GAMESERVER_QUEUE_TYPE"] = request.param
    house.environ["GAMESERVER_SPLIT_QUEUES"] = "movement:2"
    declare(house)
    moves = [Envelope(id=f"m{n}", event=Move(dir="n", seq=n), at_ms=0, shard_key="meadow") for n in range(1, 4)]
    publish(house, *(task_message([move], "a test") for move in moves), queue=LEFT)
    del house.environ["GAMESERVER_SPLIT_QUEUES"]
    return house


def test_what_is_left_is_told_and_moved_and_its_queue_removed(
    split: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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


def test_a_queue_that_somebody_still_takes_from_is_left_alone(split: House) -> None:
    with pika.BlockingConnection(parameters(split.amqp_url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(LEFT, lambda *_: None)
        with pytest.raises(Rejected, match="1 consumers") as refused:
            drain_queues.drain(split.amqp_url, LEFT, Queues())
    assert refused.value.code == "queue_in_use"
