"""A worker says that it is ready when it has once done what its events need, and not before."""

from pathlib import Path

import pytest

from gameserver.broker.topology import DEAD
from gameserver.store.migrate import migrate
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.deployments import FAMILIES
from tests.integration.test_workers import queue_length


@pytest.mark.parametrize("suffix", ["", ".turnstile"], ids=["the database", "what writers lock"])
def test_a_worker_whose_database_cannot_be_written_takes_no_event(deployment: Deployment, suffix: str) -> None:
    file = Path(deployment.database_url.removeprefix("sqlite:///") + suffix)
    file.touch()
    away = file.rename(file.with_suffix(".away"))
    file.mkdir()  # nobody can open or write that
    worker = deployment.start_worker(*FAMILIES, name="all")
    worker.says("not ready: ")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as client:
        entering = client.post("register", name="Ada", password="a long secret")
        eventually(lambda: queue_length(deployment, "sessions") > 0, "events that wait")
        assert " ready." not in worker.text
        file.rmdir()
        away.rename(file)
        migrate(deployment.database_url)
        worker.says(" ready.")
        answer = client.reply(entering, 60.0)
        assert answer.get("code", "unavailable") == "unavailable", answer
    assert queue_length(deployment, DEAD) == 0
