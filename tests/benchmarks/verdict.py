"""What was wanted of the server, beside what was measured in one run: ratios of medians."""

import operator
import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from tests.benchmarks import cores
from tests.benchmarks.everything import BOUND, HISTORY, POPULATION
from tests.benchmarks.point import Point
from tests.benchmarks.results import Record

PLAIN = {
    "server": "gameserver",
    "workload": "walk",
    "server_cores": cores.DEFAULT,
    "postgresql": False,
    "gateways": 1,
    "gateway_share": 0.0,
    "population": 0,
    "history": 0,
}
TIERS = ("gateway", "broker", "workers", "database", "flower")


class NotMeasured(Exception):
    """The run has nothing of the kind."""


class Run:
    """What was seen in a run, and medians of it. ``where``: what a point has to be, otherwise as in ``PLAIN``."""

    def __init__(self, records: Sequence[Record], transfers: Sequence[dict[str, Any]] = ()) -> None:
        self._records = records
        self._transfers = transfers

    def points(self, tag: str, **where: Any) -> list[Point]:
        """Those that are kept as this."""
        wanted = PLAIN | where
        found = (record.point for record in self._records if record.kind == tag)
        return [point for point in found if all(getattr(point, name) == value for name, value in wanted.items())]

    def median(self, of: Callable[[Point], float | None], tag: str, **where: Any) -> float:
        """Of a figure of these points; an endless one is endless."""
        return median(of(point) for point in self.points(tag, **where))

    def load(self, tag: str = "largest", **where: Any) -> float:
        """Moves per second."""
        return self.median(lambda point: point.clients * point.rate, tag, **where)

    def cost(self, tag: str = "largest", tiers: Iterable[str] = TIERS, **where: Any) -> float:
        """Processor seconds per 1,000 moves of these tiers together."""
        return self.median(lambda point: sum(point.cpu_s_per_1000.get(tier, 0.0) for tier in tiers), tag, **where)

    def scene(self, name: str, of: Callable[[Point], float | None]) -> float:
        """A figure of another workload."""
        return self.median(of, "point", workload=name, server="make run" if name == "idle20" else "gameserver")

    def transfers(self, of: Callable[[dict[str, Any]], float | None], **where: Any) -> float:
        """A figure of the transfers that are so."""
        return median(of(seen) for seen in self.all_transfers(**{"case": "connected", "database": "sqlite", **where}))

    def all_transfers(self, *, server: str = "game server", paced: bool = False, **where: Any) -> list[dict[str, Any]]:
        """The transfers that are so. ``paced``: at a rate that was asked for."""
        found = (seen for seen in self._transfers if seen["server"] == server and bool(seen["paced"]) == paced)
        return [seen for seen in found if all(seen[name] == value for name, value in where.items())]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A bound, and how what it bounds is taken from a run. ``least``: it may be more; otherwise less."""

    what: str
    bound: float
    measured: Callable[[Run], float]
    least: bool = False
    unit: str = ""

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{self.bound:g}{self.unit} or {'more' if self.least else 'less'}"

    def holds(self, value: float) -> bool:
        """Whether a value keeps the bound."""
        return (operator.ge if self.least else operator.le)(value, self.bound)


def median(values: Iterable[float | None]) -> float:
    """The one in the middle; none is endless. Raises ``NotMeasured``."""
    found = [float("inf") if value is None else value for value in values]
    if not found:
        raise NotMeasured
    return statistics.median(found)


def _own_p50(point: Point) -> float | None:
    return point.latency.p50


def _steepest(run: Run) -> float:
    """By how much a move costs more with more clients than with the next fewer, at most."""
    points = sorted(run.points("curve"), key=lambda point: point.clients)
    costs = [(point.clients, point.cpu_s_per_1000["total"]) for point in points if point.cpu_s_per_1000]
    if len(costs) < 2:
        raise NotMeasured
    return max(after / before for (_, before), (_, after) in pairwise(costs))


def _with(run: Run, **more: int) -> float:
    return run.cost("point", clients=1_000, **more) / run.cost("point", clients=1_000)


def _rate(seen: dict[str, Any]) -> float:
    return float(seen["per_s"])


def _zipf(run: Run, database: str) -> float:
    return run.transfers(_rate, case="connected, Zipf 1.5", database=database) / run.transfers(_rate, database=database)


def _beside_plain(run: Run, database: str) -> float:
    return run.transfers(_rate, database=database) / run.transfers(_rate, server="plain", database=database)


def _troubles(run: Run) -> float:
    seen = [*run.all_transfers(), *run.all_transfers(paced=True)]
    if not seen:
        raise NotMeasured
    return sum(sum(each["refused"].values()) + each["lost"] + len(each["wrong"]) for each in seen)


def _paced_p99(run: Run, database: str) -> float:
    return run.transfers(lambda seen: seen["latency"]["p99"], paced=True, database=database)


def _behind(run: Run) -> float:
    """Workers and database on PostgreSQL beside the workers on SQLite, at the largest load measured on both."""
    clients = max((point.clients for point in run.points("compared", postgresql=True)), default=0)
    ours = run.cost("compared", ("workers", "database"), postgresql=True, clients=clients)
    return ours / run.cost("compared", ("workers",), clients=clients)


TARGETS = (
    Target(
        what="largest load, of the floor's",
        bound=1.3,
        least=True,
        measured=lambda run: run.load() / run.load(server="floor"),
    ),
    Target(
        what="CPU per move at the largest load, of the floor's at its own",
        bound=0.8,
        measured=lambda run: run.cost() / run.cost(server="floor"),
    ),
    Target(
        what="CPU per move at 400 clients, of the floor's",
        bound=1.2,
        measured=lambda run: run.cost("point", clients=400) / run.cost("point", clients=400, server="floor"),
    ),
    Target(
        what="the mover's own reply at the largest load, p50",
        bound=50,
        unit=" ms",
        measured=lambda run: run.median(_own_p50, "largest"),
    ),
    Target(
        what="the same in a quiet server (20 clients), p50",
        bound=8,
        unit=" ms",
        measured=lambda run: run.scene("quiet", _own_p50),
    ),
    Target(
        what="20 idle players, all that `make run` starts: processors",
        bound=0.06,
        measured=lambda run: run.scene("idle20", lambda point: sum(point.cores.values())),
    ),
    Target(
        what="the same: memory (PSS)",
        bound=450,
        unit=" MB",
        measured=lambda run: run.scene("idle20", lambda point: sum(point.memory_mb.values())),
    ),
    Target(
        what="what a gateway takes for a delivery over WebSocket, of one over TCP",
        bound=1.15,
        measured=lambda run: 1 + run.scene("websockets", lambda point: point.notes.get("dearer")),
    ),
    Target(
        what="largest load on one core, of the floor's on one core",
        bound=0.8,
        least=True,
        measured=lambda run: run.load(server_cores=1) / run.load(server="floor", server_cores=1),
    ),
    Target(
        what="there, the worst 2 seconds' p99 by the median's",
        bound=1.5,
        measured=lambda run: run.median(lambda point: point.unsteady, "largest", server_cores=1),
    ),
    Target(
        what="two gateways, of what one carries (each bound to a fifth of a processor)",
        bound=1.5,
        least=True,
        measured=lambda run: run.load(gateways=2, **BOUND) / run.load(**BOUND),
    ),
    Target(
        what="largest load on PostgreSQL, of SQLite's",
        bound=0.75,
        least=True,
        measured=lambda run: run.load(postgresql=True) / run.load(),
    ),
    Target(
        what="CPU of workers and PostgreSQL, of the workers on SQLite, at 2,000 clients",
        bound=2,
        measured=_behind,
    ),
    Target(
        what="CPU per move with more clients, of that with the next fewer (100 to 10,000), at most",
        bound=1.1,
        measured=_steepest,
    ),
    Target(
        what="CPU per move with a million players in the database, of that without",
        bound=1.1,
        measured=lambda run: _with(run, population=POPULATION),
    ),
    Target(
        what="CPU per move with ten million rows of history, of that without",
        bound=1.1,
        measured=lambda run: _with(run, history=HISTORY),
    ),
    Target(
        what="transfers on SQLite, of a plain server's",
        bound=0.7,
        least=True,
        measured=lambda run: _beside_plain(run, "sqlite"),
    ),
    Target(
        what="transfers on PostgreSQL, of a plain server's",
        bound=2,
        least=True,
        measured=lambda run: _beside_plain(run, "postgresql"),
    ),
    Target(
        what="transfers on PostgreSQL, Zipf 1.5, of uniform",
        bound=0.8,
        least=True,
        measured=lambda run: _zipf(run, "postgresql"),
    ),
    *(
        Target(
            what=f"transfers on {title} at three quarters of the largest rate, p99",
            bound=100,
            unit=" ms",
            measured=partial(_paced_p99, database=title.lower()),
        )
        for title in ("SQLite", "PostgreSQL")
    ),
    Target(
        what="transfers refused, connections lost, accounts wrong",
        bound=0,
        measured=_troubles,
    ),
)


def rows(run: Run) -> list[tuple[str, str, str, str]]:
    """What was wanted, what was measured, and whether it holds."""
    return [(target.what, target.wanted, *_judged(target, run)) for target in TARGETS]


def _judged(target: Target, run: Run) -> tuple[str, str]:
    try:
        value = target.measured(run)
    except NotMeasured:
        return "not measured", ""
    return f"{value:.3g}{target.unit}", "held" if target.holds(value) else "not held"
