"""Flame graphs of what runs, by py-spy (``pip install -e '.[bench]'``), which stops nothing and needs no preparation.

What is profiled is slower for it: look where the time goes, and take figures from a run without a profile.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.servers import Running

RATE = 250  # samples per second


def profile(server: Running, folder: Path, seconds: float) -> dict[str, Any]:
    """Profile gateway and movement worker for the length of the window."""
    folder.mkdir(parents=True, exist_ok=True)
    pids = {"gateway": server.tiers["gateway"][0]}
    if "movement" in server.workers:
        pids |= {
            "worker-main": server.workers["movement"].pid,
            "worker-child": server.workers["movement"].children()[0],
        }
    running = [_record(pid, folder / f"{name}.txt", seconds) for name, pid in pids.items()]
    for each in running:
        each.wait()
    return {"profiles": str(folder)}


def _record(pid: int, path: Path, seconds: float) -> "subprocess.Popen[bytes]":
    """Stacks and how often they were seen, a line each: for flamegraph.pl, speedscope.app or sort."""
    spy = str(Path(sys.executable).parent / "py-spy")
    length = str(max(1, int(seconds) - 1))
    options = ("--pid", str(pid), "--duration", length, "--rate", str(RATE), "--format", "raw", "--output", str(path))
    return subprocess.Popen((spy, "record", *options), stdout=subprocess.DEVNULL)
