"""The brokers of docker/compose.production.yml: three nodes with its configuration, and users with least privilege."""

import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.security.provisioning import password_file
from gameserver.testing.broker import require_rabbitmq
from gameserver.testing.deployment import a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.clusters import SIZE, BrokerCluster, a_cluster
from tests.deployments import ROOT
from tests.users import all_users, configured

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

PASSWORD = "the nodes' own"


def settings(folder: Path) -> dict[str, str]:
    """What the containers' nodes are told, but for their names, which are those of this machine here."""
    cluster = configured("cluster.conf")
    names = {key for key in cluster if key.startswith("cluster_formation.classic_config.nodes.")}
    assert len(names) == SIZE
    rest = {key: value for key, value in cluster.items() if key not in names}
    users = all_users(folder, PASSWORD)
    return {
        **configured("rabbitmq.conf", **{"broker_users.json": str(users)}),
        **rest,
        "disk_free_limit.absolute": "50MB",
    }


class Told:
    """What each process is told: addresses of all nodes for its own user, and the file with its password."""

    def __init__(self, cluster: BrokerCluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder

    def of(self, user: str) -> dict[str, str]:
        urls = [f"amqp://{user}@127.0.0.1:{node.node_port}//" for node in self._cluster.nodes]
        return {"AMQP_URL": ";".join(urls), "AMQP_PASSWORD_FILE": str(self._folder / password_file(user))}


def test_a_deployment_of_bounded_users_plays_on_the_containers_cluster_while_a_node_dies(tmp_path: Path) -> None:
    require_rabbitmq()
    secrets = tmp_path / "secrets"
    with a_cluster(tmp_path / "nodes", settings(secrets), PASSWORD) as cluster:
        told = Told(cluster, secrets)
        quorum = {"GAMESERVER_QUEUE_TYPE": "quorum"}
        with a_deployment("amqp://nobody", tmp_path / "server", env={**quorum, **told.of("operator")}) as deployment:
            command = [sys.executable, "-m", "gameserver.cli", "declare"]
            subprocess.run(command, env=deployment.environ, cwd=ROOT, check=True, timeout=120)
            assert "guest" not in cluster.nodes[0].ctl("list_users")
            members = cluster.nodes[0].ctl("-q", "list_queues", "name", "type", "members")
            assert all(line.count("@localhost") == SIZE for line in members.splitlines()[1:] if "quorum" in line)
            assert "chat\tquorum" in members
            deployment.beat(env=told.of("beat"))
            deployment.worker(name="all", env=told.of("worker"))
            gateway = deployment.gateway("gateway1", env=told.of("gateway1"))
            with LineClient(gateway.port) as ada:
                ada.register("Ada")
                assert ada.ask("whisper", to="ada", text="one")["type"] == "ok"
                cluster.kill(0)
                eventually(lambda: ada.ask("whisper", to="ada", text="two")["type"] == "ok", "an answer", 60)
                cluster.bring_back(0)
                assert ada.ask("whisper", to="ada", text="three")["type"] == "ok"
