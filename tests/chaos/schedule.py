"""Which fault strikes when: drawn from a seed, printed before it begins, the same again for the same seed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
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
    "freeze a gateway": 1,
    "cut a gateway off the broker": 2,
    "clients hang up": 4,
    "a family without workers": 3,
    "revoke tasks": 2,
    "skew a clock": 3,
    "a second beat": 1,
    "change a release": 2,
    "kill the broker": 1,
    "restart the broker": 1,
    "stall the database": 1,
}

# The long run's weights: what recovers within a second or so makes up the count, the rest strikes often enough.
MANY = {
    **FAULTS,
    "kill a worker's child": 60,
    "kill a worker": 10,
    "freeze a worker": 3,
    "stop a worker gently": 4,
    "kill a gateway": 10,
    "stop a gateway gently": 4,
    "cut a gateway off the broker": 4,
    "clients hang up": 100,
    "revoke tasks": 10,
    "skew a clock": 4,
    "change a release": 4,
    "a second beat": 3,
}

# A skewed clock is wrong by up to so much, in either direction.
SKEW_S_MAX = 600.0


class Fault(msgspec.Struct, frozen=True):
    """A fault: when (seconds from the start), what, to which of its kind, and for how long where it lasts.

    ``skew_s``: by how much a skewed clock is wrong.
    """

    at_s: float
    what: str
    which: int
    lasts_s: float
    skew_s: float = 0.0


def draw(seed: int, seconds: float, every_s: float, faults: Sequence[str] = tuple(FAULTS)) -> list[Fault]:
    """A schedule of faults, about ``every_s`` apart, the last one early enough to be recovered from."""
    weights = {fault: FAULTS[fault] for fault in faults}
    return list(takewhile(lambda fault: fault.at_s < seconds, endless(seed, every_s, weights)))


def endless(seed: int, every_s: float, weights: Mapping[str, int]) -> Iterator[Fault]:
    """Faults without end, about ``every_s`` apart."""
    rng = Random(f"chaos {seed}")
    skews = Random(f"skews {seed}")
    at_s = rng.uniform(1.0, every_s)
    while True:
        (what,) = rng.choices(tuple(weights), tuple(weights.values()))
        skew_s = round(skews.uniform(-SKEW_S_MAX, SKEW_S_MAX), 1)
        yield Fault(round(at_s, 2), what, rng.randrange(1000), round(rng.uniform(2.0, 7.0), 2), skew_s)
        at_s += rng.uniform(0.5, 1.5) * every_s
