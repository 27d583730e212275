"""Which fault strikes when: drawn from a seed, printed before it begins, the same again for the same seed."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from random import Random

import msgspec

# What may happen to any server, and how likely it is compared with the others.
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
}
LASTS_S = (2.0, 7.0)

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


def draw(
    seed: int, seconds: float, every_s: float, weights: Mapping[str, int], lasts_s: tuple[float, float] = LASTS_S
) -> list[Fault]:
    """A schedule of faults, about ``every_s`` apart, the last one early enough to be recovered from."""
    return list(takewhile(lambda fault: fault.at_s < seconds, endless(seed, every_s, weights, lasts_s)))


def endless(
    seed: int, every_s: float, weights: Mapping[str, int], lasts_s: tuple[float, float] = LASTS_S
) -> Iterator[Fault]:
    """Faults without end, about ``every_s`` apart."""
    rng = Random(f"chaos {seed}")
    skews = Random(f"skews {seed}")
    at_s = rng.uniform(1.0, every_s)
    while True:
        (what,) = rng.choices(tuple(weights), tuple(weights.values()))
        skew_s = round(skews.uniform(-SKEW_S_MAX, SKEW_S_MAX), 1)
        yield Fault(round(at_s, 2), what, rng.randrange(1000), round(rng.uniform(*lasts_s), 2), skew_s)
        at_s += rng.uniform(0.5, 1.5) * every_s
