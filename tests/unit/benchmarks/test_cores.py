"""On which processors what is started runs."""

import os
import subprocess
import sys

import pytest

from tests.benchmarks import cores

MINE = frozenset(os.sched_getaffinity(0))
two = pytest.mark.skipif(len(MINE) < 2, reason="there is one processor")


def _seen_by_a_child() -> frozenset[int]:
    done = subprocess.run((sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"), capture_output=True)
    return frozenset(map(int, done.stdout.split()))


@two
def test_a_server_on_one_core_has_it_to_itself_and_the_generator_another() -> None:
    assert len(cores.of_server(1)) == 1
    assert not cores.of_server(1) & cores.of_generator(1)


@two
def test_two_cores_are_shared_with_the_generator() -> None:
    assert cores.of_server(2) == cores.of_generator(2)


def test_what_is_started_meanwhile_runs_there_and_later_anywhere_again() -> None:
    with cores.running_on(cores.of_server(1)):
        assert _seen_by_a_child() == cores.of_server(1)
    assert _seen_by_a_child() == MINE
