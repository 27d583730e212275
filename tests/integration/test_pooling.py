"""A worker's children: which connections to PostgreSQL they have, and what a family may take of them."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from gameserver.modules.sessions.events import Ack
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import a_deployment
from gameserver.testing.processes import eventually
from tests.databases import OWNER, Cluster
from tests.integration.test_workers import declare, of_the_server, publish, queue_length
from tests.operators import celery

CHILDREN = 4
TASKS = 60


def backends(cluster: Cluster) -> set[int]:
    """PostgreSQL's processes that serve the server."""
    with psycopg.connect(cluster.url(OWNER)) as asking:
        found = asking.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [cluster.migrated])
        return {pid for (pid,) in found}


def test_each_child_holds_one_connection_and_nobody_else_any(
    vhost: Vhost, tmp_path: Path, postgresql_cluster: Cluster, postgresql_url: str
) -> None:
    with a_deployment(vhost.url, tmp_path / "server", postgresql_url) as deployment:
        declare(deployment)
        worker = deployment.worker("sessions", name="sessions1", concurrency=CHILDREN)
        most = 0
        for n in range(3):
            publish(deployment, *(of_the_server(Ack(ids=[]), f"{n}/{m}") for m in range(TASKS)), queue="sessions")
            while queue_length(deployment, "sessions"):
                most = max(most, len(backends(postgresql_cluster)))
        eventually(lambda: len(backends(postgresql_cluster)) == CHILDREN, "a connection for each child")
        assert most <= CHILDREN
        # A connection that two processes held would outlive one of them.
        before, children = backends(postgresql_cluster), worker.children()
        os.kill(children[0], signal.SIGKILL)
        eventually(lambda: len(backends(postgresql_cluster)) == CHILDREN - 1, "the end of the killed child's")
        assert backends(postgresql_cluster) < before
        for pid in children[1:]:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not backends(postgresql_cluster), "no connection of the main process")
        assert worker.alive


@pytest.mark.parametrize("grown", [0, 2])
def test_with_bulkheads_a_family_holds_one_child_and_the_others_go_on(vhost: Vhost, tmp_path: Path, grown: int) -> None:
    with a_deployment(vhost.url, tmp_path / "server") as deployment:
        declare(deployment)
        queues = ("sessions", "chat")
        worker = deployment.worker(*queues, name="all1", concurrency=2, options=("--bulkheads",))
        if grown:
            celery(deployment, "control", "pool_grow", str(grown))
            eventually(lambda: len(worker.children()) == 2 + grown, "the pool grows")
        for pid in worker.children():
            os.kill(pid, signal.SIGSTOP)
        for queue in queues:
            publish(deployment, *(of_the_server(Ack(ids=[]), f"{queue}/{n}") for n in range(5)), queue=queue)
        eventually(lambda: [queue_length(deployment, queue) for queue in queues] == [4, 4], "one of each is taken")
        for pid in worker.children():
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: not any(queue_length(deployment, queue) for queue in queues), "all are taken")
