"""Starts servers, loads them and keeps what was seen; what the commands of the benchmark are made of."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import workloads
from tests.benchmarks.point import Point, measure
from tests.benchmarks.profiles import profile
from tests.benchmarks.results import Results
from tests.benchmarks.scenes import SCENES
from tests.benchmarks.search import Search
from tests.benchmarks.servers import Running, Wanted, running

MOST = 12_000
# Where the first search begins, two cores with the generator; a later one begins where the one before it ended.
START = {"gameserver": 3_000, "floor": 3_000, "usual": 280}
ONE_CORE = 0.6
BOUND = 0.35  # a gateway with a fifth of a processor


class Lab:
    """Measures one after the other, and remembers what servers carried. ``env``: settings of the game server."""

    def __init__(
        self, results: Results, *, rate: float = 2.0, seconds: float = 20.0, generators: int = 1, env: Any = None
    ) -> None:
        self._results = results
        self._rate = rate
        self._seconds = seconds
        self._generators = generators
        self._env: Mapping[str, str] = env or {}
        self._carried: dict[tuple[object, ...], int] = {}

    def walk(
        self,
        loads: Sequence[int],
        tag: str = "point",
        *,
        rates: Mapping[int, float] | None = None,
        seconds: float = 0.0,
        profiles: Path | None = None,
        **wanted: Any,
    ) -> None:
        """Measure these numbers of walkers, kept as ``tag``. ``rates``: for some, moves per second and client."""
        with self._server(wanted, max(loads)) as server:
            for clients in loads:
                rate = (rates or {}).get(clients, self._rate)
                self._results.keep(self._measured(server, clients, seconds or self._seconds, rate, profiles), tag)

    def search(self, until_s: float, *, own: bool = False, start: int = 0, **wanted: Any) -> Point | None:
        """Find the largest load of walkers, and measure three quarters of it. ``until_s``: monotonic.

        ``own``: by the benchmark's former definition, which did not ask what others see.
        """
        key = (own, *sorted((name, str(value)) for name, value in wanted.items()))
        with self._server(wanted, MOST) as server:
            measured = partial(self._measured, server)
            carries = (lambda point: point.good_own) if own else (lambda point: point.good)
            search = Search(measured, self._seconds, MOST, self._results.keep, carries)
            best = search.largest(start or self._carried.get(key) or _start(server.wanted), until_s)
            if best is not None:
                self._carried[key] = best.clients
                self._results.keep(best, "largest own" if own else "largest")
                if not own:
                    self._results.keep(measured(best.clients * 3 // 4, self._seconds), "three quarters")
        return best

    def scene(self, name: str, clients: int = 0, **wanted: Any) -> None:
        """Play another workload."""
        play, usual = SCENES[name]
        self._results.keep(play(clients or usual, **self._whole(wanted)))

    def _measured(
        self, server: Running, clients: int, seconds: float, rate: float = 0.0, profiles: Path | None = None
    ) -> Point:
        return measure(
            server,
            workloads.walk(clients, rate or self._rate),
            workload="walk",
            seconds=seconds,
            generators=self._generators,
            meanwhile=partial(profile, server, profiles, seconds) if profiles else None,
        )

    @contextmanager
    def _server(self, wanted: Mapping[str, Any], players: int) -> Iterator[Running]:
        whole = Wanted(**{"players": players, **self._whole(wanted)})
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(whole, Path(folder)) as server:
            yield server

    def _whole(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {**wanted, "env": {**self._env, **wanted.get("env", {})}}


def _start(wanted: Wanted) -> int:
    return int(START[wanted.kind] * (ONE_CORE if wanted.cores == 1 else 1) * (BOUND if wanted.gateway_share else 1))


class Part(msgspec.Struct, frozen=True):
    """A part of a whole run: what it is, how long it takes about, and how it is done within so many seconds."""

    name: str
    seconds: float
    do: Callable[[Lab, float], object]


def play(lab: Lab, parts: Sequence[Part], budget_s: float) -> list[str]:
    """Do these parts, as long as there is time for the next one. Gives the names of those that were left out."""
    end_s = time.monotonic() + budget_s
    left_out = []
    for part in parts:
        if time.monotonic() + part.seconds <= end_s:
            print(f"-- {part.name}, {end_s - time.monotonic():.0f} s left", flush=True)
            part.do(lab, time.monotonic() + part.seconds)
        else:
            left_out.append(part.name)
    return left_out
