"""``make bench``: all that docs/performance.md says, in the order in which it matters, within a budget of time."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.lab import Lab, Part
from tests.benchmarks.scenes import SCENES

SEARCH_S = 150.0
GLANCE_S = 8.0  # windows where nothing but processor time is asked for
AFTER_S = 35.0  # of them, for what follows the last step of a search
CURVE = (100, 200, 400, 1_000, 2_000, 3_000, 4_000)
MANY = 10_000
MANY_RATE = 0.8  # so that they, too, move 8,000 times a second together
BOUND = {"gateway_share": 0.2}  # of a processor, for each gateway: then it is what limits
POPULATION = 1_000_000
HISTORY = 10_000_000
COMPARED = (400, 2_000)  # clients, on both databases
FIRST_SCENES = ("quiet", "idle20")


def parts(results: Path, run: str) -> list[Part]:
    """List them."""
    both = [_search(server) for server in ("gameserver", "floor")]
    one_core = [_search(server, cores=1) for server in ("gameserver", "floor")]
    own = [_search(server, own=True) for server in ("gameserver", "floor")]
    scenes = [Part(name, 75, _scene(name)) for name in SCENES]
    return [
        *both,
        Part("400 clients", 75, lambda lab, _: [lab.walk([400], kind=server) for server in ("gameserver", "floor")]),
        *(part for part in scenes if part.name in FIRST_SCENES),
        *one_core,
        _search("gameserver", postgresql=True),
        Part("both databases", 90, lambda lab, _: _compare(lab)),
        *(_search("gameserver", gateways=gateways, **BOUND) for gateways in (1, 2)),
        Part("by load", 140, lambda lab, _: _curve(lab, "gameserver")),
        Part("by load, floor", 140, lambda lab, _: _curve(lab, "floor")),
        Part("a million players", 60, lambda lab, _: lab.walk([1_000], seconds=GLANCE_S, population=POPULATION)),
        Part("ten million rows", 75, lambda lab, _: lab.walk([1_000], seconds=GLANCE_S, history=HISTORY)),
        Part("neither", 30, lambda lab, _: lab.walk([1_000], seconds=GLANCE_S)),
        *(Part(f"transfers{option}", 150, _transfers(results, run, option)) for option in ("", " --postgresql")),
        *own,
        *both,
        *(part for part in scenes if part.name not in FIRST_SCENES),
        *both,
        _search("usual"),
    ]


def _search(server: str, *, own: bool = False, **wanted: object) -> Part:
    how = ", ".join([*(["own"] if own else []), *(f"{name} {value}" for name, value in wanted.items())])
    name = f"largest load of {server}" + (f" ({how})" if how else "")
    return Part(name, SEARCH_S, lambda lab, until_s: lab.search(until_s - AFTER_S, own=own, kind=server, **wanted))


def _scene(name: str) -> Callable[[Lab, float], object]:
    return lambda lab, _: lab.scene(name)


def _compare(lab: Lab) -> None:
    for postgresql in (False, True):
        lab.walk(COMPARED, "compared", seconds=GLANCE_S, postgresql=postgresql)


def _curve(lab: Lab, server: str) -> None:
    lab.walk([*CURVE, MANY], "curve", rates={MANY: MANY_RATE}, seconds=GLANCE_S, kind=server)


def _transfers(results: Path, run: str, options: str) -> Callable[[Lab, float], object]:
    """A benchmark of its own, which adds to the same file."""
    command = [sys.executable, "-m", "tests.benchmarks.transfers", *options.split()]
    shorter = ["--seconds", "8", "--only", "connected; connected, Zipf 1.5", "--results", str(results), "--run", run]
    return lambda lab, _: subprocess.run([*command, *shorter], cwd=machine.ROOT, check=False)
