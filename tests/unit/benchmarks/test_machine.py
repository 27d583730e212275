"""Whose processor time it is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.machine import cpu_s, leader_and_ticks, memory_mb


@pytest.fixture
def apart() -> Iterator[int]:
    """A child with a session of its own, as PostgreSQL's are."""
    with subprocess.Popen(("sleep", "1000"), start_new_session=True) as child:
        yield child.pid
        child.kill()


def test_a_process_belongs_to_its_leader_by_session_or_as_its_child(apart: int) -> None:
    entry = Path(f"/proc/{apart}")
    assert leader_and_ticks(entry, set())[0] == apart
    assert leader_and_ticks(entry, {os.getpid()})[0] == os.getpid()
    assert leader_and_ticks(Path("/proc/0"), {1}) == (0, 0), "one that has ended is nobody's"


def test_a_tier_is_its_leaders_sessions_and_children(apart: int) -> None:
    tiers = {"own": [os.getsid(0)], "apart": [apart], "nobody": []}
    used = cpu_s(tiers)
    assert used["own"] > 0
    assert used["nobody"] == 0
    assert memory_mb(tiers)["apart"] > 0
    assert memory_mb({"all": [os.getpid()]})["all"] >= memory_mb({"apart": [apart]})["apart"]
