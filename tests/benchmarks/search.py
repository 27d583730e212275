"""The largest load that a server carries: more clients until it answers too late or too little, then in between.

Short windows find the neighbourhood, long ones decide. The server keeps running meanwhile, so that a search fits into a
few minutes; what a load that was too much left behind is given time to drain.
"""

import time
from collections.abc import Callable
from math import sqrt

from tests.benchmarks import zones
from tests.benchmarks.point import Point

PROBE_S = 5.0
STEP = 1.35
FINE = 1.08
RECOVER_S = 2.0
DISTURBED_MAX = 0.15  # processors that others took: then a load that failed is tried once more

Measure = Callable[[int, float], Point]


class Search:
    """Looks for the largest number of clients. ``measure(clients, seconds)`` measures a load, ``carries`` judges it."""

    def __init__(
        self,
        measure: Measure,
        seconds: float,
        most: int,
        told: Callable[[Point, str], Point],
        carries: Callable[[Point], bool] = lambda point: point.good,
    ) -> None:
        self._measure = measure
        self._seconds = seconds
        self._most = most
        self._told = told
        self._carries = carries

    def largest(self, start: int, until_s: float) -> Point | None:
        """The largest load that was carried for a whole window. ``until_s`` (monotonic): then stop where it is."""
        low, high = self._neighbourhood(_whole(start), until_s)
        best: Point | None = None
        clients = low
        while time.monotonic() < until_s and (best is None or high / best.clients > FINE):
            point = self._try(clients, self._seconds)
            if self._carries(point):
                best = point
                if clients >= self._most:
                    break
                high = high if high > clients else _whole(clients * STEP)
            else:
                high = min(high, clients)
            clients = _between(best.clients, high) if best else _whole(clients / sqrt(STEP) - zones.CROWD / 2)
            if clients < zones.CROWD or (best and clients <= best.clients):
                break
        return best

    def _neighbourhood(self, clients: int, until_s: float) -> tuple[int, int]:
        """A load that was carried for a short while, and one that wasn't."""
        low, high = 0, 0
        while not (low and high) and zones.CROWD <= clients <= self._most and time.monotonic() < until_s:
            if self._carries(self._try(clients, PROBE_S)):
                low = clients
                clients = _whole(clients * STEP)
            else:
                high = clients
                clients = _whole(clients / STEP - zones.CROWD / 2)
        return low or max(clients, zones.CROWD), high or self._most

    def _try(self, clients: int, seconds: float) -> Point:
        point = self._told(self._measure(clients, seconds), "search")
        if not self._carries(point):
            time.sleep(RECOVER_S)
            if point.disturbed > DISTURBED_MAX:
                return self._told(self._measure(clients, seconds), "search")
        return point


def _between(low: int, high: int) -> int:
    return _whole(sqrt(low * high))


def _whole(clients: float) -> int:
    """Whole zones."""
    return round(clients / zones.CROWD) * zones.CROWD
