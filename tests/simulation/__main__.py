"""Play many seeds, and say what contradicts: ``python -m tests.simulation --seeds 10000 --processes 2``.

``--trace N`` plays one seed and tells what happened in it, line by line. ``--full``: in each story players trade, go on
quests, travel and fight, and workers and gateways die.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from math import inf

from tests.simulation.findings import play
from tests.simulation.many import play_all

SHOWN_MAX = 50


def show(seed: int, *, full: bool) -> int:
    """Play a seed and tell what happens."""
    logging.disable(logging.CRITICAL)
    cluster, wrong = play(seed, full=full)
    print(cluster.story)
    for at_s, *what in cluster.told:
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
    parser.add_argument("--full", action="store_true", help="stories of all that there is, with crashes in each")
    parser.add_argument("--minutes", type=float, default=inf, help="play no longer than this, however many seeds")
    given = parser.parse_args()
    if given.trace is not None:
        return show(given.trace, full=given.full)
    began_s, counts, shown = time.monotonic(), Counter[str](), 0
    until_s = time.time() + given.minutes * 60
    for some, wrong in play_all(given.first, given.seeds, given.processes, full=given.full, until_s=until_s):
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
