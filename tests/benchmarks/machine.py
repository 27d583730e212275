"""What the kernel says of processes (processor time, memory), and on what machine and versions a result was got."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACKAGES = ("twisted", "celery", "kombu", "amqp", "pika", "msgspec", "sqlalchemy")


def cpu_s(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Seconds of processor time by tier.

    A tier is its leaders' sessions and children; PostgreSQL's have sessions of their own.
    """
    leaders = {pid for pids in tiers.values() for pid in pids}
    by_leader: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            leader, ticks = leader_and_ticks(entry, leaders)
            by_leader[leader] += ticks
    return {tier: sum(by_leader[pid] for pid in pids) / TICKS_PER_S for tier, pids in tiers.items()}


def whole_machine_s() -> dict[str, float]:
    """Seconds of all processors together: at work, idle, and stolen by other machines on the same host."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields[:8]
    ticks = {"busy": user + nice + system + irq + softirq, "idle": idle + iowait, "stolen": steal}
    return {name: count / TICKS_PER_S for name, count in ticks.items()}


def memory_mb(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Megabytes by tier, pages that processes share counted in shares (PSS)."""
    leaders = {pid for pids in tiers.values() for pid in pids}
    by_leader: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            by_leader[leader_and_ticks(entry, leaders)[0]] += _pss_kib(entry)
    return {tier: round(sum(by_leader[pid] for pid in pids) / 1024, 1) for tier, pids in tiers.items()}


def leader_and_ticks(entry: Path, leaders: Set[int]) -> tuple[int, int]:
    """Whose a process is (by its entry in ``/proc``), and its ticks of processor time; 0 and 0 when it has ended."""
    try:
        stat = (entry / "stat").read_text()
    except OSError:
        return 0, 0
    # "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets, so count from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    parent, session = int(fields[1]), int(fields[3])
    return parent if parent in leaders else session, sum(int(field) for field in fields[11:15])


def _pss_kib(entry: Path) -> int:
    try:
        lines = (entry / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def described() -> dict[str, Any]:
    """The machine, the versions, the commit."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "rabbitmq": _rabbitmq(),
        **{package: version(package) for package in PACKAGES},
        "commit": _git("rev-parse", "--short=12", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else ""),
    }


def _rabbitmq() -> str:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return found[-1].name.partition("-")[2] if found else ""


def _git(*args: str) -> str:
    done = subprocess.run(("git", *args), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
