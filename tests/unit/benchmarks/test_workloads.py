"""What players do, and of whom it is measured when they are seen."""

from itertools import pairwise

import pytest

from tests.benchmarks.workloads import walk


@pytest.mark.parametrize(("clients", "watched"), [(20, 1), (160, 8), (400, 10), (1_000, 9), (4_000, 20)])
def test_enough_zones_are_watched_and_not_many_more(clients: int, watched: int) -> None:
    (group,) = walk(clients, 2.0)
    assert len(group.watched) == watched
    assert {name for crowd in group.watched for name in crowd} <= set(group.names)
    firsts = [int(crowd[0][1:]) for crowd in group.watched]
    assert len({after - before for before, after in pairwise(firsts)}) <= 1  # spread over all
