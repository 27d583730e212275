"""What came of a run, in Markdown: largest loads, ratios against the targets, and every other workload in a line."""

import statistics
from collections.abc import Callable, Sequence

from tests.benchmarks.paper import paper
from tests.benchmarks.point import Point
from tests.benchmarks.results import Record

Row = Sequence[object]


def report(records: Sequence[Record]) -> str:
    """All tables."""
    largest = _by_server([record.point for record in records if record.kind == "largest"])
    parts = [_machines(records)]
    if largest:
        parts += [_largest(largest), _targets(largest, records)]
    others = [record.point for record in records if record.kind not in ("search", "largest")]
    parts += [_others(others)] if others else []
    if largest.get("gameserver"):
        parts.append(_table(("100,000 players, on paper", "", ""), paper(largest["gameserver"][-1])))
    return "\n\n".join(parts)


def _by_server(points: Sequence[Point]) -> dict[str, list[Point]]:
    return {name: [p for p in points if p.server == name] for name in dict.fromkeys(p.server for p in points)}


def _machines(records: Sequence[Record]) -> str:
    first = records[0].machine
    commits = ", ".join(dict.fromkeys(str(record.machine["commit"]) for record in records))
    versions = " ".join(f"{name} {first[name]}" for name in first if name not in ("cpu", "cpus", "commit"))
    return f"{first['cpus']} x {first['cpu']}; {versions}; commit {commits}"


def _largest(largest: dict[str, list[Point]]) -> str:
    rows = []
    for name, points in largest.items():
        loads = [p.clients * p.rate for p in points]
        rows.append(
            (
                name,
                f"{statistics.median(loads):.0f}",
                f"{min(loads):.0f} to {max(loads):.0f}",
                len(points),
                *(_median(points, lambda p: p.latency.p50), _median(points, lambda p: p.latency.p99)),
                _median(points, lambda p: p.sights and p.sights.p50),
                _median(points, lambda p: p.sights and p.sights.p99),
                *(_cpu(points, tier) for tier in ("gateway", "broker", "workers", "flower", "total")),
                _median(points, lambda p: p.load_cores),
                _median(points, lambda p: p.disturbed),
            )
        )
    head = ("", "moves/s", "spread", "runs", "p50 ms", "p99 ms", "seen p50 ms", "seen p99 ms")
    tiers = ("gateway", "broker", "workers", "Flower", "CPU s/1,000 moves")
    return _table((*head, *tiers, "load generator's cores", "others' cores"), rows)


def _targets(largest: dict[str, list[Point]], records: Sequence[Record]) -> str:
    """Ratios of medians."""

    def load(name: str) -> float:
        return statistics.median([p.clients * p.rate for p in largest[name]])

    def cost(name: str, *tiers: str) -> float:
        return statistics.median([sum(p.cpu_s_per_1000[tier] for tier in tiers) for p in largest[name]])

    rows: list[Row] = []
    if {"gameserver", "floor"} <= largest.keys():
        rows.append(("largest load / floor's", "1.3 or more", f"{load('gameserver') / load('floor'):.2f}"))
        rows.append(
            ("CPU per move / floor's", "0.55 or less", f"{cost('gameserver', 'total') / cost('floor', 'total'):.2f}")
        )
    if {"gameserver", "usual"} <= largest.keys():
        rows.append(("largest load / usual way's", "10 or more", f"{load('gameserver') / load('usual'):.1f}"))
    if "gameserver" in largest:
        share = cost("gameserver", "workers", "broker") / cost("gameserver", "total")
        rows.append(("workers and broker / all tiers", "0.33 or less", f"{share:.2f}"))
    for kind, what, p50_max in (("three quarters", "at 3/4 of the largest load", 35), ("quiet", "quiet server", 8)):
        points = [r.point for r in records if r.point.server == "gameserver" and kind in (r.kind, r.point.workload)]
        if points:
            p50, p99 = _median(points, lambda p: p.latency.p50), _median(points, lambda p: p.latency.p99)
            rows.append((f"p50, p99 {what}", f"{p50_max} ms, 100 ms", f"{p50}, {p99} ms"))
    return _table(("", "target", "measured"), rows)


def _others(points: Sequence[Point]) -> str:
    rows = []
    for p in points:
        mean = p.batches.get("mean", "")
        what = (f"{p.workload}, {p.server}", f"{p.clients} x {p.rate:g}/s", f"{100 * p.latency.answered:.2f} %")
        times = (p.latency.p50, p.latency.p95, p.latency.p99, p.sights and f"{p.sights.p50}, {p.sights.p99}")
        costs = tuple(f"{p.cpu_s_per_1000[tier]:.3f}" if tier in p.cpu_s_per_1000 else "" for tier in _TIERS)
        rest = "; ".join(f"{name} {value}" for name, value in p.notes.items())
        groups = "; ".join(f"{name} p99 {one.p99} ms" for name, one in p.groups.items()) if len(p.groups) > 1 else ""
        rows.append(
            (*what, *times, *costs, mean, _mb(p), f"{p.disturbed:.2f}", "; ".join(filter(None, (groups, rest))))
        )
    head = ("", "load", "answered", "p50 ms", "p95 ms", "p99 ms", "seen p50, p99 ms")
    return _table((*head, *_TIERS, "batch", "MB", "others' cores", ""), rows)


_TIERS = ("gateway", "broker", "workers", "flower", "total")


def _mb(point: Point) -> str:
    return " + ".join(f"{mb:.0f}" for mb in point.memory_mb.values())


def _cpu(points: Sequence[Point], tier: str) -> str:
    found = [p.cpu_s_per_1000[tier] for p in points if tier in p.cpu_s_per_1000]
    return f"{statistics.median(found):.3f}" if found else ""


def _median(points: Sequence[Point], of: Callable[[Point], float | None]) -> str:
    found = [value for p in points if (value := of(p)) is not None]
    return f"{statistics.median(found):.3g}" if found else "none"


def _table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines)
