"""A RabbitMQ cluster of three nodes on this machine, for tests that kill them: own ports, own cookie, no root.

The nodes find each other by name through one port mapper, the first node's. A node that comes back has caught up with
every queue before the next may be killed, as an operator would wait.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gameserver.errors import Corrupt
from gameserver.local.processes import wait_for
from gameserver.local.rabbitmq_node import make_cookie
from gameserver.testing.broker import ROOT
from gameserver.testing.ports import free_ports
from gameserver.testing.rabbitmq_node import RunningNode

SIZE = 3
UP_S_MAX = 120.0


class BrokerCluster:
    """Three nodes, any one of which may be killed."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None, password: str = "") -> None:
        """``more``: further lines of rabbitmq.conf. ``password``: of the nodes' user, where these lines define it."""
        ports = free_ports(3 * SIZE + 1)
        cookie, password = make_cookie(), password or secrets.token_hex(16)
        names = [f"game{n}@localhost" for n in range(SIZE)]
        found = {f"cluster_formation.classic_config.nodes.{n}": name for n, name in enumerate(names, start=1)}
        settings = {
            "cluster_formation.peer_discovery_backend": "classic_config",
            **found,
            "cluster_partition_handling": "autoheal",
            **(more or {}),
        }
        self.nodes = [
            RunningNode(
                folder / f"node{n}",
                node_port=ports[3 * n],
                dist_port=ports[3 * n + 1],
                management_port=ports[3 * n + 2],
                epmd_port=ports[-1],
                password=password,
                settings=settings,
                name=name,
                cookie=cookie,
                root=ROOT,
            )
            for n, name in enumerate(names)
        ]

    def start(self) -> None:
        """Start all nodes; returns when they are one cluster."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_until_up(UP_S_MAX)
        first = self.nodes[0]
        assert wait_for(lambda: self._running(first) == SIZE, UP_S_MAX), first.ctl("cluster_status")

    def _running(self, asked: RunningNode) -> int:
        count = asked.ctl("eval", "length(rabbit_nodes:all_running()).")
        return int(count)

    def amqp_url(self) -> str:
        """Where clients connect: all nodes."""
        return ";".join(node.amqp_url() for node in self.nodes)

    def kill(self, n: int) -> None:
        """SIGKILL a node."""
        self.nodes[n].kill()

    def bring_back(self, n: int) -> None:
        """Start a killed node; returns when no queue would miss one of the others."""
        self.nodes[n].start()
        self.nodes[n].wait_until_up(UP_S_MAX)
        assert wait_for(lambda: all(self._may_go(node) for node in self.nodes), UP_S_MAX), "queues did not recover"

    def _may_go(self, node: RunningNode) -> bool:
        try:
            node.diagnose("check_if_node_is_quorum_critical")
        except Corrupt:
            return False
        return True

    def stop(self) -> None:
        """End all; nobody needs their data again."""
        for node in self.nodes:
            node.kill()
        for node in self.nodes:
            node.stop()


@contextmanager
def a_cluster(folder: Path, more: Mapping[str, str] | None = None, password: str = "") -> Iterator[BrokerCluster]:
    """A running cluster for a ``with`` block."""
    cluster = BrokerCluster(folder, more, password)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
