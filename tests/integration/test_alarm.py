"""While the broker's alarm is on nothing can be asked of anybody: players and the log are told so, and nothing else."""

from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.deployments import FAMILIES
from tests.operators import alarm

ANSWERED_S_MAX = 60.0


def test_players_are_told_busy_and_nobody_is_blamed(deployment: Deployment, private_node: RunningNode) -> None:
    worker = deployment.worker(*FAMILIES, name="all")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as ada, LineClient(gateway.port) as bob, LineClient(gateway.port) as first:
        for name, client in (("Ada", ada), ("Bob", bob), ("First", first)):
            client.register(name)
        with alarm(private_node):
            under_way = first.post("whisper", to="Bob", text="it finds out")
            gateway.says("takes no events")
            assert ada.ask("whisper", to="Bob", text="refused")["code"] == "busy"
            assert bob.ask("say", text="refused")["code"] == "busy"
        gateway.says("takes events again")
        assert first.reply(under_way, ANSWERED_S_MAX)["type"] == "ok"
        eventually(lambda: ada.ask("whisper", to="Bob", text="again")["type"] == "ok", "a whisper", ANSWERED_S_MAX)
        assert not any(client.saw("unavailable") for client in (ada, bob, first))
    assert "nobody serves" not in gateway.text
    assert worker.alive
