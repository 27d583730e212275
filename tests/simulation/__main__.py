"""Play many seeds, and say what contradicts: ``python -m tests.simulation --seeds 10000 --processes 2``.

``--trace N`` plays one seed and tells what happened in it, line by line.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.findings import play

AT_ONCE = 50  # seeds that a process plays before it says what came of them
SHOWN_MAX = 50

Played = tuple[Counter[str], dict[int, list[str]]]


def play_some(first: int, count: int) -> Played:
    """Play seeds. Gives what was counted, and what contradicts by seed."""
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    for seed in range(first, first + count):
        house, found = play(seed)
        counts.update(house.counts)
        counts["seeds"] += 1
        counts["events"] += len(house.diary.actions)
        if found:
            wrong[seed] = found
    return counts, wrong


def play_all(first: int, count: int, processes: int) -> Iterator[Played]:
    """Play all of them, in several processes."""
    parts = [(at, min(AT_ONCE, first + count - at)) for at in range(first, first + count, AT_ONCE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play_some, *zip(*parts, strict=True))


def show(seed: int) -> int:
    """Play a seed and tell what happens."""
    logging.disable(logging.CRITICAL)
    house, wrong = play(seed)
    print(house.story)
    for at_s, *what in house.told:
        print(f"{at_s:9.3f}  {' '.join(map(str, what))}")
    print(*(wrong or ["one story"]), sep="\n")
    return len(wrong) > 0


def main() -> int:
    """Returns 1 if any seed contradicts."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--trace", type=int)
    given = parser.parse_args()
    if given.trace is not None:
        return show(given.trace)
    began_s, counts, shown = time.monotonic(), Counter[str](), 0
    for some, wrong in play_all(given.first, given.seeds, given.processes):
        counts.update(some)
        for seed, found in wrong.items():
            shown += 1
            if shown <= SHOWN_MAX:
                print(f"seed {seed}: " + "; ".join(found), flush=True)
    took_s = time.monotonic() - began_s
    print(f"{counts['seeds']} seeds in {took_s:.0f} s ({counts['seeds'] / took_s:.0f} a second), {shown} contradict")
    print(*(f"{n:9,} {what}" for what, n in sorted(counts.items())), sep="\n")
    return shown > 0


if __name__ == "__main__":
    sys.exit(main())
