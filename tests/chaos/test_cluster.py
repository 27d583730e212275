"""A cluster of three brokers loses one node after the other, while players play: nothing is lost or doubled.

Not drawn from a seed: each node's turn comes when the one before is back, whatever it takes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from gameserver.testing.broker import require_rabbitmq
from gameserver.testing.processes import Proc
from tests.chaos.run import run
from tests.chaos.schedule import Fault
from tests.chaos.stage import Stage
from tests.clusters import SIZE, BrokerCluster, a_cluster

SECONDS = 100.0
KILLS = [Fault(5.0 + n, "kill a broker's node", n, 0.0) for n in range(SIZE)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[BrokerCluster]:
    require_rabbitmq()
    with a_cluster(tmp_path / "cluster") as made:
        yield made


class ClusterStage(Stage):
    """A stage whose brokers die. Its processes begin at different nodes, so that each death meets someone."""

    def __init__(self, cluster: BrokerCluster, folder: Path) -> None:
        super().__init__(cluster.nodes[0], folder, env={"GAMESERVER_QUEUE_TYPE": "quorum"})
        self._cluster = cluster
        self._turn = threading.Lock()
        self.killed: list[int] = []

    def _url(self, first: int) -> str:
        urls = [node.amqp_url() for node in self._cluster.nodes]
        return ";".join([*urls[first % SIZE :], *urls[: first % SIZE]])

    def _broker_of_gateway(self, n: int) -> str:
        return self._url(n)

    def _celery(self, name: str, command: Sequence[str], env: Mapping[str, str] | None) -> Proc:
        return super()._celery(name, command, {**(env or {}), "AMQP_URL": self._url(len(self.procs))})

    def strikes(self) -> dict[str, Callable[[Fault], None]]:
        return {**super().strikes(), KILLS[0].what: self._kill_node}

    def _kill_node(self, fault: Fault) -> None:
        with self._turn:
            self._cluster.kill(fault.which)
            self._cluster.bring_back(fault.which)
            self.killed.append(fault.which)


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_cluster_loses_each_of_its_nodes_and_players_lose_nothing(cluster: BrokerCluster, tmp_path: Path) -> None:
    stage = ClusterStage(cluster, tmp_path / "server")
    try:
        report = run(stage, 1, SECONDS, schedule=KILLS)
    finally:
        stage.stop()
    assert report.wrong == [], str(report)
    assert not [end for end in report.actions if "unavailable" in end or "busy" in end], str(report)
    assert stage.killed == [fault.which for fault in KILLS]
    assert report.actions["give ok"] > 100, str(report)
