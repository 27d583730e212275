"""Whose processor time it is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.machine import Process, by_tier, cpu_s, memory_mb, process


@pytest.fixture
def apart() -> Iterator[int]:
    """A child with a session of its own, as PostgreSQL's are."""
    with subprocess.Popen(("sleep", "1000"), start_new_session=True) as child:
        yield child.pid
        child.kill()


def test_a_process_belongs_to_the_nearest_leader_above_it_else_to_that_of_its_session() -> None:
    all_ = {
        1: Process(0, 1, 0),
        10: Process(1, 10, 0),  # a supervisor
        11: Process(10, 10, 0),  # a program of its
        12: Process(11, 12, 0),  # its child, with a session of its own
        13: Process(12, 12, 0),
        14: Process(1, 10, 0),  # whose parent has ended
        20: Process(1, 20, 0),
    }
    assert by_tier(all_, {"supervisor": [10], "gateway": [11]}) == {"supervisor": [10, 14], "gateway": [11, 12, 13]}


def test_one_that_has_ended_is_nobodys() -> None:
    assert process(Path("/proc/0")) is None
    assert cpu_s({"gone": [2**22 + 1]}) == {"gone": 0}


def test_a_tier_is_its_leaders_sessions_and_children(apart: int) -> None:
    tiers = {"own": [os.getsid(0)], "apart": [apart], "nobody": []}
    used = cpu_s(tiers)
    assert used["own"] > 0
    assert used["nobody"] == 0
    assert memory_mb(tiers)["apart"] > 0
    assert memory_mb({"all": [os.getpid()]})["all"] >= memory_mb({"apart": [apart]})["apart"]
