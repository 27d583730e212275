"""Many seeds, in several processes. (What these run may not stand in ``__main__``, which they do not import.)"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import inf
from multiprocessing import get_context

from tests.simulation.findings import play

AT_ONCE = 50  # seeds that a process plays before it says what came of them

Played = tuple[Counter[str], dict[int, list[str]]]


def play_some(first: int, count: int, full: bool, until_s: float) -> Played:
    """Play seeds, until it is late by the clock that all processes share. Gives what was counted and what contradicts.

    ``full``: each is a story of all that there is.
    """
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    for seed in range(first, first + count):
        if time.time() >= until_s:
            break
        cluster, found = play(seed, full=full)
        counts.update(cluster.counts)
        counts["seeds"] += 1
        counts["events"] += len(cluster.diary.actions)
        if found:
            wrong[seed] = found
    return counts, wrong


def play_all(first: int, count: int, processes: int, *, full: bool = False, until_s: float = inf) -> Iterator[Played]:
    """Play all of them, in several processes."""
    parts = [(at, min(AT_ONCE, first + count - at)) for at in range(first, first + count, AT_ONCE)]
    play = partial(play_some, full=full, until_s=until_s)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, *zip(*parts, strict=True))
