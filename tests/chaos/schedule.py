"""Which fault strikes when: drawn from a seed, printed before it begins, the same again for the same seed."""

from collections.abc import Sequence
from random import Random

import msgspec

# What may happen, and how likely it is compared with the others.
FAULTS = {
    "kill a worker's child": 4,
    "kill a worker": 4,
    "freeze a worker": 2,
    "stop a worker gently": 2,
    "kill a gateway": 3,
    "stop a gateway gently": 1,
    "cut a gateway off the broker": 2,
    "kill the broker": 1,
    "restart the broker": 1,
    "stall the database": 1,
}


class Fault(msgspec.Struct, frozen=True):
    """A fault: when (seconds from the start), what, to which of its kind, and for how long where it lasts."""

    at_s: float
    what: str
    which: int
    lasts_s: float


def draw(seed: int, seconds: float, every_s: float, faults: Sequence[str] = tuple(FAULTS)) -> list[Fault]:
    """A schedule of faults, about ``every_s`` apart, the last one early enough to be recovered from."""
    rng = Random(f"chaos {seed}")
    schedule = []
    at_s = rng.uniform(1.0, every_s)
    while at_s < seconds:
        (what,) = rng.choices(faults, [FAULTS[fault] for fault in faults])
        schedule.append(Fault(round(at_s, 2), what, rng.randrange(1000), round(rng.uniform(2.0, 7.0), 2)))
        at_s += rng.uniform(0.5, 1.5) * every_s
    return schedule
