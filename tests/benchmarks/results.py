"""Results: a line of JSON for each measurement, with the machine, the versions and the commit it was made with."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import cores, machine
from tests.benchmarks.point import Point


class Record(msgspec.Struct, kw_only=True):
    """A line. ``kind``: "point", "search" (a step of it), "largest" (what it found) or "three quarters" (of that)."""

    run: str
    kind: str
    at: str
    machine: dict[str, Any]
    point: Point


class Results:
    """A file of results, to which one run adds."""

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self._run = run
        self._machine = machine.described()

    def keep(self, point: Point, kind: str = "point") -> Point:
        """Write it down, and say it."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = Record(run=self._run, kind=kind, at=at, machine=self._machine, point=point)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as results:
            results.write(msgspec.json.encode(record) + b"\n")
        print(f"{kind}: {line(point)}", flush=True)
        return point


def read(paths: Iterable[Path]) -> list[Record]:
    """All records of some files."""
    return list(_readable(text for path in paths for text in path.read_bytes().splitlines() if text))


def transfers(path: Path, run: str = "") -> list[dict[str, Any]]:
    """The results of ``tests.benchmarks.transfers`` in a file, of a run or of all."""
    lines = [msgspec.json.decode(text) for text in path.read_bytes().splitlines() if text]
    return [line for line in lines if "case" in line and run in ("", line.get("run"))]


def _readable(lines: Iterable[bytes]) -> Iterator[Record]:
    """Results that an earlier version of the benchmark wrote in another form are passed over."""
    decode = msgspec.json.Decoder(Record).decode
    for line in lines:
        try:
            yield decode(line)
        except msgspec.ValidationError:
            continue


def line(point: Point) -> str:
    """A measurement in a line."""
    seen = point.latency
    parts = [
        f"{point.workload} {point.server}{' on PostgreSQL' if point.postgresql else ''},",
        f"{cores.described(point.server_cores)},",
        f"{point.clients} x {point.rate:g}/s, {point.seconds:g} s:",
        f"{seen.answered:.2%} answered, p50 {seen.p50} p95 {seen.p95} p99 {seen.p99} ms,",
        f"seen by {point.sights.answered:.2%} p50 {point.sights.p50} p99 {point.sights.p99} ms,"
        if point.sights
        else "",
        f"worst window {point.unsteady} of the median," if point.unsteady else "",
        f"{point.deliveries_per_s:.0f} deliveries/s,",
        "CPU s/1000: " + " ".join(f"{tier} {s:.3f}" for tier, s in point.cpu_s_per_1000.items()) + ",",
        "cores: " + " ".join(f"{tier} {s:.2f}" for tier, s in point.cores.items()) + ",",
        _sizes(point.batches),
        f"load {point.load_cores:.2f} cores, {point.load_late_ms[1]:.1f} ms late, "
        f"disturbed by {point.disturbed:.2f} cores",
        " ".join(f"{name}: p99 {one.p99} ms," for name, one in point.groups.items()) if len(point.groups) > 1 else "",
        ", ".join(f"{name} {value}" for name, value in point.notes.items()),
        "" if point.good else "-- own carried" if point.good_own else "-- not carried",
    ]
    return " ".join(part for part in parts if part)


def _sizes(batches: dict[str, Any]) -> str:
    return f"batches of {batches['mean']:.1f} in {batches['runtime_ms']:.1f} ms," if batches else ""
