import os
import signal

from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually


def test_a_deployment_runs_real_processes_and_leaves_none(deployment: Deployment):
    gateway = deployment.gateway()
    worker = deployment.worker("chat", name="chat1")
    beat = deployment.beat()
    assert gateway.port
    assert len(worker.children()) == 1
    (child,) = worker.children()
    os.kill(child, signal.SIGKILL)
    eventually(lambda: worker.children() not in ([], [child]), "a new child")
    deployment.stop()
    assert not any(proc.left() for proc in (gateway, worker, beat))
