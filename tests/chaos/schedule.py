"""The faults that only the engine's own tests know, beside those of any server (``testing.chaos.schedule``)."""

from collections.abc import Sequence

from gameserver.testing.chaos import schedule
from gameserver.testing.chaos.schedule import Fault

# What may happen, and how likely it is compared with the others.
FAULTS = {
    **schedule.FAULTS,
    "a family without workers": 3,
    "revoke tasks": 2,
    "skew a clock": 3,
    "a second beat": 1,
    "change a release": 2,
    "kill the broker": 1,
    "restart the broker": 1,
    "stall the database": 1,
}

# What an operator's hand or a machine does as well. Apart, because tests are about seeds that draw from the others.
BY_HAND = {
    "remove an exchange": 2,
    "remove a queue": 2,
    "raise the broker's alarm": 1,
    "a worker cannot write": 2,
}
ALL = {**FAULTS, **BY_HAND}

# The long run's weights: what recovers within a second or so makes up the count, the rest strikes often enough.
MANY = {
    **ALL,
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


def draw(seed: int, seconds: float, every_s: float, faults: Sequence[str] = tuple(FAULTS)) -> list[Fault]:
    """Draw a schedule of faults, about ``every_s`` apart, the last one early enough to be recovered from."""
    return schedule.draw(seed, seconds, every_s, {fault: ALL[fault] for fault in faults})
