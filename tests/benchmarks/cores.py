"""On which processors a server and the load generator run, as ``taskset`` would have it.

With one core the server has it to itself, and the generator the others; with two or more the generator runs on the same
ones. What a thread starts inherits its processors, so they are set around the starting.
"""

import contextlib
import os
from collections.abc import Iterator, Set

DEFAULT = 2


def of_server(count: int) -> Set[int]:
    """The first so many of those that this process may use."""
    return frozenset(sorted(os.sched_getaffinity(0))[:count])


def of_generator(count: int) -> Set[int]:
    """Those of the generator beside a server on so many."""
    shared = of_server(count)
    others = os.sched_getaffinity(0) - shared
    return frozenset(others) if count == 1 and others else shared


@contextlib.contextmanager
def running_on(cores: Set[int]) -> Iterator[None]:
    """What is started meanwhile runs on these."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def described(count: int) -> str:
    """Both, in words."""
    return "1 core" if count == 1 else f"{count} cores with the generator"
