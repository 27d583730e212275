"""Commands that no other test gives, as operators give them."""

import sys

from gameserver.testing.deployment import Deployment
from tests.operators import run


def test_the_small_commands_of_the_runbook(deployment: Deployment) -> None:
    gameserver = (sys.executable, "-m", "gameserver.cli")
    assert "today's shape" in run(deployment, *gameserver, "migrate")
    assert "gateway2" in run(deployment, *gameserver, "broker-users", "--gateways", "gateway1,gateway2")
    deployment.worker("chat", name="chat1")
    told = run(deployment, *gameserver, "queues")
    rows = {line.split()[0]: line for line in told.splitlines() if line.strip()}
    assert "1 consumers" in rows["chat"]
    assert "0 messages" in rows["chat"]
