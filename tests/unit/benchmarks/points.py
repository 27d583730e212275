"""Points as if measured."""

from typing import Any

from tests.benchmarks.point import Point, latency
from tests.benchmarks.results import Record


def point(clients: int = 100, *, ms: int = 1, seen_ms: int | None = None, cost: float = 0.1, **given: Any) -> Point:
    """A load whose moves are all answered after so long and seen after so long."""
    fields = {
        "server": "gameserver",
        "workload": "walk",
        "clients": clients,
        "rate": 2.0,
        "seconds": 20.0,
        "per_s": 0,
        "deliveries_per_s": 0,
        "bytes_per_s": 0,
        "latency": latency([ms * 1000] * 100),
        "sights": None if seen_ms is None else latency([seen_ms * 1000] * 100),
        "groups": {},
        "refused": {},
        "packets": {},
        "lost": 0,
        "cores": {"gateway": 0.04, "workers": 0.01},
        "cpu_s_per_1000": {"gateway": cost / 2, "broker": 0.0, "workers": cost / 2, "total": cost},
        "memory_mb": {"gateway": 300.0, "workers": 100.0},
        "batches": {"mean": 40.0, "runtime_ms": 4.0},
        "machine_cores": {},
        "load_cores": 0,
        "load_late_ms": (0, 0),
    }
    return Point(**(fields | given))  # type: ignore[arg-type]


def record(kind: str, one: Point) -> Record:
    """One, kept as this."""
    machine = {"cpus": 2, "cpu": "a processor", "commit": "0123456789ab"}
    return Record(run="r", kind=kind, at="2026-11-27T18:00:00Z", machine=machine, point=one)
