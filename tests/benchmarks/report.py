"""What came of a run, in Markdown: the figures that matter, what was wanted of them, and every workload in a line.

Each table has a name; docs/performance.md has places of these names, between markers, into which they are put.
"""

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tests.benchmarks import cores, verdict
from tests.benchmarks.paper import paper
from tests.benchmarks.point import Point
from tests.benchmarks.results import Record
from tests.benchmarks.verdict import NotMeasured, Run

Row = Sequence[object]
TIERS = verdict.TIERS


def report(records: Sequence[Record], transfers: Sequence[dict[str, Any]] = ()) -> dict[str, str]:
    """All tables that the run has figures for."""
    run = Run(records, transfers)
    largest, headline = run.points("largest"), [*_headline(run)]
    tables = {
        "machine": _machines(records),
        "headline": _table(("", "", ""), headline) if headline else "",
        "verdict": _table(("", "wanted", "measured", ""), verdict.rows(run)),
        "largest loads": _largest(records),
        "by load": _others([r.point for r in records if r.kind == "curve"]),
        "transfers": _transfers(transfers),
        "others": _others([r.point for r in records if r.kind in ("point", "compared", "three quarters")]),
        "100,000 players": _table(("", "", ""), paper(largest[-1])) if largest else "",
    }
    return {name: table for name, table in tables.items() if table}


def put(page: str, tables: Mapping[str, str]) -> str:
    """A page with these tables in the places that have their names."""
    for name, table in tables.items():
        place = re.compile(f"(<!-- {re.escape(name)} -->\n).*?(<!-- end of {re.escape(name)} -->)", re.DOTALL)
        page = place.sub(partial(_filled, table), page)
    return page


def _filled(table: str, place: re.Match[str]) -> str:
    return f"{place[1]}{table}\n{place[2]}"


def _headline(run: Run) -> Iterable[Row]:
    """The five figures that matter. What a run has not is left out."""
    for row in (_carried, _felt, _cost, _on_postgresql, _idle):
        try:
            yield row(run)
        except NotMeasured:
            continue


def _carried(run: Run) -> Row:
    ours, floor = run.load(), run.load(server="floor")
    one = " not measured"
    if run.points("largest", server_cores=1) and run.points("largest", server="floor", server_cores=1):
        ours_1, floor_1 = run.load(server_cores=1), run.load(server="floor", server_cores=1)
        one = f" {ours_1:,.0f} moves/s, {ours_1 / floor_1:.2f} times the floor's"
    return (
        "**Carried**",
        f"**{ours:,.0f} moves/s**, each seen by 20 within 100 ms at p99",
        f"{ours / floor:.2f} times what the floor carries ({floor:,.0f}); on one core{one}",
    )


def _felt(run: Run) -> Row:
    own, seen = (
        [run.median(of(part), "three quarters") for of in (_p50_of, _p99_of)] for part in ("latency", "sights")
    )
    return (
        "**Felt**, at three quarters of that",
        f"own reply p50 **{own[0]:.0f}**, p99 {own[1]:.0f} ms",
        f"seen by others p50 **{seen[0]:.0f}**, p99 {seen[1]:.0f} ms",
    )


def _p50_of(part: str) -> Callable[[Point], float | None]:
    return lambda point: getattr(getattr(point, part), "p50", None)


def _p99_of(part: str) -> Callable[[Point], float | None]:
    return lambda point: getattr(getattr(point, part), "p99", None)


def _cost(run: Run) -> Row:
    at_400 = [run.cost("point", clients=400, server=server) for server in ("gameserver", "floor")]
    return (
        "**Processor seconds per 1,000 moves**",
        f"**{run.cost():.3f}** at the largest load (floor {run.cost(server='floor'):.3f})",
        f"{at_400[0]:.2f} at 400 clients (floor {at_400[1]:.2f})",
    )


def _on_postgresql(run: Run) -> Row:
    load = run.load(postgresql=True)
    return (
        "**On PostgreSQL** that waits for the disk",
        f"**{load:,.0f} moves/s**",
        f"{load / run.load():.2f} times what it carries on SQLite",
    )


def _idle(run: Run) -> Row:
    used = run.scene("idle20", lambda point: sum(point.cores.values()))
    memory = run.scene("idle20", lambda point: sum(point.memory_mb.values()))
    return (
        "**20 players who do nothing**",
        f"**{used:.3f}** of a processor",
        f"{memory:.0f} MB, all that `make run` starts",
    )


def _machines(records: Sequence[Record]) -> str:
    first = records[0].machine
    commits = ", ".join(dict.fromkeys(str(record.machine["commit"]) for record in records))
    versions = " ".join(f"{name} {first[name]}" for name in first if name not in ("cpu", "cpus", "commit"))
    when = records[0].at.partition("T")[0]
    return f"{when}, {first['cpus']} x {first['cpu']}; {versions}; commit {commits}"


def _largest(records: Sequence[Record]) -> str:
    groups: dict[tuple[object, ...], list[Point]] = {}
    for tag in ("largest", "largest own"):
        for record in records:
            if record.kind == tag:
                groups.setdefault((*_what(record.point), "own" if tag == "largest own" else "own and seen"), []).append(
                    record.point
                )
    if not groups:
        return ""
    head = ("", "run on", "database", "within 100 ms", "moves/s", "searches", "own p50, p99 ms", "seen p50, p99 ms")
    more = (*TIERS, "CPU s/1,000 moves", "generator's cores", "others' cores", "worst 2 s by the median's")
    return _table((*head, *more), [(*key, *_figures(points)) for key, points in groups.items()])


def _what(point: Point) -> tuple[str, str, str]:
    """The server, its processors, its database."""
    bound = f", {point.gateways} x {point.gateway_share:g} of a processor for gateways" if point.gateway_share else ""
    database = "PostgreSQL" if point.postgresql else "SQLite" if point.server != "floor" else ""
    return point.server + bound, cores.described(point.server_cores), database


def _figures(points: Sequence[Point]) -> Row:
    loads = [p.clients * p.rate for p in points]
    return (
        f"{statistics.median(loads):,.0f}",
        ", ".join(f"{load:,.0f}" for load in loads),
        *(f"{_median(points, _p50_of(part))}, {_median(points, _p99_of(part))}" for part in ("latency", "sights")),
        *(_cpu(points, tier) for tier in (*TIERS, "total")),
        _median(points, lambda p: p.load_cores),
        _median(points, lambda p: p.disturbed),
        _median(points, lambda p: p.unsteady),
    )


def _transfers(seen: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            f"{each['server']}, {each['database']}",
            each["case"],
            f"{each['paced']:,.0f}/s asked for" if each["paced"] else "as fast as answered",
            f"{each['per_s']:,.0f}",
            each["latency"]["p50"],
            each["latency"]["p99"],
            sum(each["refused"].values()),
            len(each["wrong"]),
        )
        for each in seen
    ]
    head = ("", "among", "", "transfers/s", "p50 ms", "p99 ms", "refused", "accounts that are wrong")
    return _table(head, rows) if rows else ""


def _others(points: Sequence[Point]) -> str:
    rows = []
    for p in points:
        more = "".join(
            f", {count:,} {what}" for count, what in ((p.population, "players"), (p.history, "rows")) if count
        )
        mean = p.batches.get("mean", "")
        server, on, database = _what(p)
        what = (f"{p.workload}, {server}{more}", on, database, f"{p.clients} x {p.rate:g}/s")
        times = (
            f"{100 * p.latency.answered:.2f} %",
            p.latency.p50,
            p.latency.p99,
            p.sights and f"{p.sights.p50}, {p.sights.p99}",
        )
        costs = tuple(f"{p.cpu_s_per_1000[tier]:.3f}" if tier in p.cpu_s_per_1000 else "" for tier in (*TIERS, "total"))
        rest = "; ".join(f"{name} {value}" for name, value in p.notes.items())
        groups = "; ".join(f"{name} p99 {one.p99} ms" for name, one in p.groups.items()) if len(p.groups) > 1 else ""
        used = f"{sum(p.cores.values()):.3f}"
        last = "; ".join(filter(None, (groups, rest)))
        rows.append((*what, *times, *costs, used, mean, _mb(p), f"{p.disturbed:.2f}", last))
    head = ("", "run on", "database", "load", "answered", "own p50 ms", "p99 ms", "seen p50, p99 ms")
    used = ("CPU s/1,000", "cores", "batch", "MB", "others' cores", "")
    return _table((*head, *TIERS, *used), rows) if rows else ""


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
