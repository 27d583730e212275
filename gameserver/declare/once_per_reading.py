"""What is computed of a game's declarations is computed once for each time that they are read.

A process reads them once. Under ``gameserver dev`` a gateway reads them anew (``gameserver.declare.rereading``).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_FORGET: list[Callable[[], None]] = []


def once_per_reading(function: F) -> F:
    """Keep what a function computes of declarations until these are read anew, for each set of its arguments.

    The arguments must be hashable. An error that it raises is not kept.
    """
    kept = cache(function)
    _FORGET.append(kept.cache_clear)
    return kept  # type: ignore[return-value]


def forget() -> None:
    """Compute everything anew when it is asked for next."""
    for each in _FORGET:
        each()
