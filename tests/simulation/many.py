"""Many seeds, in several processes. (What these run may not stand in ``__main__``, which they do not import.)"""

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.findings import play

AT_ONCE = 50  # seeds that a process plays before it says what came of them

Played = tuple[Counter[str], dict[int, list[str]]]


def play_some(first: int, count: int) -> Played:
    """Play seeds. Gives what was counted, and what contradicts by seed."""
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    for seed in range(first, first + count):
        cluster, found = play(seed)
        counts.update(cluster.counts)
        counts["seeds"] += 1
        counts["events"] += len(cluster.diary.actions)
        if found:
            wrong[seed] = found
    return counts, wrong


def play_all(first: int, count: int, processes: int) -> Iterator[Played]:
    """Play all of them, in several processes."""
    parts = [(at, min(AT_ONCE, first + count - at)) for at in range(first, first + count, AT_ONCE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play_some, *zip(*parts, strict=True))
