"""The part of a reactor that knows the time, as everything in a gateway that waits uses it."""

from collections.abc import Callable
from typing import Any, Protocol

ROUNDING_S = 1e-6  # a timer may fire so much before its time


class Clock(Protocol):
    """A monotonic clock with timers: Twisted's reactor, or a test's clock that is moved by hand."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, function: Callable[..., Any], *args: Any) -> Any: ...  # noqa: N802
