import os
import signal

from tests.houses import House, eventually


def test_a_house_runs_real_processes_and_leaves_none(house: House):
    gateway = house.gateway()
    worker = house.worker("chat", name="chat1")
    beat = house.beat()
    assert gateway.port
    assert len(worker.children()) == 1
    (child,) = worker.children()
    os.kill(child, signal.SIGKILL)
    eventually(lambda: worker.children() not in ([], [child]), "a new child")
    house.stop()
    assert not any(proc.left() for proc in (gateway, worker, beat))
