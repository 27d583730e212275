"""Plots for docs/performance.md (needs matplotlib: ``pip install -e '.[bench]'``)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.everything import HISTORY, POPULATION
from tests.benchmarks.point import Point
from tests.benchmarks.results import Record
from tests.benchmarks.verdict import Run

COLOURS = {"gameserver": "#1f5f99", "floor": "#c2571a", "usual": "#777777"}
TIERS = {"gateway": "#1f5f99", "broker": "#c2571a", "workers": "#5a9a3c", "flower": "#999999"}
TITLES = {"gameserver": "this server", "floor": "in memory (floor)", "usual": "a task per packet"}
PARTS = {"latency": "own", "sights": "seen"}
COMPARED = ("gameserver", "floor")
MS_MAX = 100
CLIENTS = (100, 200, 400, 1_000, 2_000, 4_000, 10_000)


def plots(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write all plots; gives their paths."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "gameserver", "font.size": 10, "axes.spines.top": False})
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(records)
    by_server = {server: _walks(run, server) for server in COMPARED}
    ours = sorted(run.points("curve"), key=_moves)
    drawn = {
        "latency": partial(_latency, by_server=by_server),
        "cpu": partial(_cpu, points=ours),
        "batches": partial(_batches, points=ours),
        "cost": partial(_cost, run=run),
    }
    return [_draw(folder / f"performance-{name}.svg", draw) for name, draw in drawn.items()]


def _walks(run: Run, server: str) -> list[Point]:
    """All loads of walkers that were measured on two cores and SQLite."""
    tags = ("curve", "search", "largest", "three quarters", "point")
    return sorted((point for tag in tags for point in run.points(tag, server=server)), key=_moves)


def _moves(point: Point) -> float:
    return point.clients * point.rate


def _draw(path: Path, draw: Callable[[Any], None]) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.6))
    axes.set_xlabel("moves per second, each seen by 20")
    draw(axes)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _latency(axes: Any, by_server: Mapping[str, Sequence[Point]]) -> None:
    """Points and no lines: between two of them the machine may have been another."""
    for server, points in by_server.items():
        for part, title in PARTS.items():
            told = [(_moves(p), getattr(getattr(p, part), "p99", None)) for p in points]
            found = [(load, p99) for load, p99 in told if p99 is not None]
            filled = {"color": COLOURS[server]} | ({"mfc": "none"} if part == "latency" else {})
            axes.plot(
                [x for x, _ in found], [y for _, y in found], "o", ms=4, label=f"{TITLES[server]}, {title}", **filled
            )
    axes.axhline(MS_MAX, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("p99 in ms, from move to reply (own)\nand to the others' sight (seen)")
    axes.legend(fontsize=8, ncols=2)


def _cpu(axes: Any, points: Sequence[Point]) -> None:
    loads = [_moves(p) for p in points]
    heights = [[p.cpu_s_per_1000.get(tier, 0.0) for p in points] for tier in TIERS]
    axes.stackplot(loads, heights, labels=list(TIERS), colors=list(TIERS.values()))
    axes.set_ylabel("CPU seconds per 1,000 moves")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _batches(axes: Any, points: Sequence[Point]) -> None:
    found = [p for p in points if p.batches]
    axes.plot([_moves(p) for p in found], [p.batches["mean"] for p in found], ".-", color=COLOURS["gameserver"])
    axes.set_ylabel("moves in a batch, on average")
    axes.set_ylim(bottom=0)


def _cost(axes: Any, run: Run) -> None:
    """What a move costs with few clients and many, and with much in the database."""
    for server in COMPARED:
        points = sorted(run.points("curve", server=server), key=lambda p: p.clients)
        label = {"color": COLOURS[server], "label": TITLES[server]}
        axes.plot([p.clients for p in points], [p.cpu_s_per_1000.get("total") for p in points], ".-", **label)
    marks = {"a million players": ("^", {"population": POPULATION}), "ten million rows": ("s", {"history": HISTORY})}
    for label, (mark, where) in marks.items():
        points = run.points("point", **where)
        costs = [p.cpu_s_per_1000.get("total") for p in points]
        axes.plot([p.clients for p in points], costs, mark, mfc="none", color="black", label=f"with {label}")
    axes.set_xscale("log")
    axes.set_xticks(CLIENTS, [f"{clients:,}" for clients in CLIENTS], minor=False)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("clients")
    axes.set_ylabel("CPU seconds per 1,000 moves")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
