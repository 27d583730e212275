"""Plots for docs/performance.md (needs matplotlib: ``pip install -e '.[bench]'``)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.point import Point
from tests.benchmarks.results import Record

COLOURS = {"gameserver": "#1f5f99", "floor": "#c2571a", "usual": "#777777"}
TIERS = {"gateway": "#1f5f99", "broker": "#c2571a", "workers": "#5a9a3c", "flower": "#999999"}
TITLES = {"gameserver": "this server", "floor": "in memory (floor)", "usual": "a task per packet"}


def plots(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write all plots; gives their paths."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "gameserver", "font.size": 10, "axes.spines.top": False})
    alone = [r.point for r in records if r.point.gateways == 1 and not r.point.gateway_share]
    walks = sorted((point for point in alone if point.workload == "walk"), key=lambda p: p.clients)
    ours = [point for point in walks if point.server == "gameserver"]
    drawn = {
        "latency": lambda axes: _latency(axes, walks),
        "cpu": lambda axes: _cpu(axes, ours),
        "batches": lambda axes: _batches(axes, ours),
    }
    return [_draw(folder / f"performance-{name}.svg", draw) for name, draw in drawn.items()]


def _draw(path: Path, draw: Callable[[Any], None]) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.6))
    draw(axes)
    axes.set_xlabel("moves per second, each seen by 20")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _latency(axes: Any, points: Sequence[Point]) -> None:
    for server, colour in COLOURS.items():
        mine = [p for p in points if p.server == server and p.latency.p99 is not None]
        loads = [p.clients * p.rate for p in mine]
        # Points and no lines: between two of them the machine may have been another.
        axes.plot(loads, [p.latency.p99 for p in mine], "o", ms=4, color=colour, label=f"{TITLES[server]}, p99")
        axes.plot(loads, [p.latency.p50 for p in mine], "o", ms=4, mfc="none", color=colour, label="p50")
    axes.axhline(100, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("ms from move to reply")
    axes.legend(fontsize=8, ncols=2)


def _cpu(axes: Any, points: Sequence[Point]) -> None:
    loads = [p.clients * p.rate for p in points]
    heights = [[p.cpu_s_per_1000.get(tier, 0.0) for p in points] for tier in TIERS]
    axes.stackplot(loads, heights, labels=list(TIERS), colors=list(TIERS.values()))
    axes.set_ylabel("CPU seconds per 1,000 moves")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _batches(axes: Any, points: Sequence[Point]) -> None:
    found = [p for p in points if p.batches]
    axes.plot(
        [p.clients * p.rate for p in found], [p.batches["mean"] for p in found], ".-", color=COLOURS["gameserver"]
    )
    axes.set_ylabel("moves in a batch, on average")
    axes.set_ylim(bottom=0)
