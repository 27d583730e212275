"""The worker's last net: who holds a message for much longer than any lease gives all it holds back to the broker.

A lease is kept by the worker's main process, which kills the child that runs out of it. A main process that hangs
sends no heartbeats either, and the broker drops its connection. What is left is a main process that goes on and has
lost sight of a task: for that there was RabbitMQ's ``consumer_timeout``, which no longer looks at classic queues from
4.3 on. This is the same net, held by the worker, on every version.
"""

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from gameserver.declare import catalogue

LOOK_EVERY_S = 30
HELD_S_MIN = 300  # as RabbitMQ advises for its own timeout
LEASES = 10  # a batch may wait in the worker behind some others, each for a lease


class HeldTooLongError(ConnectionError):
    """Celery takes it for a lost connection: it ends what is at work, closes the connection and makes a new one."""


class HeldMessages:
    """Since when a worker holds each message that it has not acknowledged, to within ``LOOK_EVERY_S``.

    ``before``: what it had of an earlier connection. The broker has taken that back, whatever becomes of it here.
    """

    def __init__(self, held_s_max: float, before: Iterable[Any] = ()) -> None:
        self._held_s_max = held_s_max
        self._before: WeakSet[Any] = WeakSet(before)
        self._since: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def check(self, requests: Iterable[Any], now_s: float) -> None:
        """Raise ``HeldTooLongError`` when one of these requests was there too long ago."""
        held = [request for request in requests if not request.acknowledged and request not in self._before]
        late = [request.id for request in held if now_s - self._since.setdefault(request, now_s) > self._held_s_max]
        if late:
            raise HeldTooLongError(f"{', '.join(late)}: held for {self._held_s_max:.0f} s without an end")


def held_s_max() -> float:
    """Return for how long a worker may hold a message: well above the longest lease of the game."""
    return max(HELD_S_MIN, LEASES * max(spec.lease_s for spec in catalogue.specs()))
