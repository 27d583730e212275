"""What the kernel says of processes (processor time, memory), and on what machine and versions a result was got."""

import os
import platform
import subprocess
from collections.abc import Container, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACKAGES = ("twisted", "celery", "kombu", "amqp", "pika", "msgspec", "sqlalchemy")


class Process(msgspec.Struct, frozen=True):
    """A process, as the kernel has it. ``ticks``: of processor time, with those of its children that have ended."""

    parent: int
    session: int
    ticks: int


def cpu_s(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Seconds of processor time by tier: that of its leaders, and of all that descend from them."""
    all_ = processes()
    return {tier: sum(all_[pid].ticks for pid in pids) / TICKS_PER_S for tier, pids in by_tier(all_, tiers).items()}


def by_tier(all_: Mapping[int, Process], tiers: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """The processes of each tier. One belongs to the nearest leader above it, else to the leader of its session."""
    of_leader = {pid: tier for tier, pids in tiers.items() for pid in pids}
    found: dict[str, list[int]] = {tier: [] for tier in tiers}
    for pid in all_:
        leader = _leader(all_, pid, of_leader)
        if leader in of_leader:
            found[of_leader[leader]].append(pid)
    return found


def _leader(all_: Mapping[int, Process], pid: int, leaders: Container[int]) -> int:
    above = pid
    while above in all_:
        if above in leaders:
            return above
        above = all_[above].parent
    return all_[pid].session


def processes() -> dict[int, Process]:
    """All processes of this machine."""
    found = ((int(entry.name), process(entry)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid: one for pid, one in found if one is not None}


def process(entry: Path) -> Process | None:
    """One, by its entry in ``/proc``; none when it has ended."""
    try:
        stat = (entry / "stat").read_text()
    except OSError:
        return None
    # "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets, so count from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    return Process(parent=int(fields[1]), session=int(fields[3]), ticks=sum(int(field) for field in fields[11:15]))


def whole_machine_s() -> dict[str, float]:
    """Seconds of all processors together: at work, idle, and stolen by other machines on the same host."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields[:8]
    ticks = {"busy": user + nice + system + irq + softirq, "idle": idle + iowait, "stolen": steal}
    return {name: count / TICKS_PER_S for name, count in ticks.items()}


def memory_mb(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Megabytes by tier, pages that processes share counted in shares (PSS)."""
    members = by_tier(processes(), tiers)
    return {
        tier: round(sum(_pss_kib(Path(f"/proc/{pid}")) for pid in pids) / 1024, 1) for tier, pids in members.items()
    }


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
