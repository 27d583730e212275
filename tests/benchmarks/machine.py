"""What the kernel says of processes (processor time, memory), and on what machine and versions a result was got."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACKAGES = ("twisted", "celery", "kombu", "amqp", "pika", "msgspec", "sqlalchemy")


def cpu_s(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Seconds of processor time by tier; a tier is the sessions (by leader's pid) of its processes."""
    by_session: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            session, ticks = _session_and_ticks(entry)
            by_session[session] += ticks
    return {tier: sum(by_session[pid] for pid in pids) / TICKS_PER_S for tier, pids in tiers.items()}


def whole_machine_s() -> dict[str, float]:
    """Seconds of all processors together: at work, idle, and stolen by other machines on the same host."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields[:8]
    ticks = {"busy": user + nice + system + irq + softirq, "idle": idle + iowait, "stolen": steal}
    return {name: count / TICKS_PER_S for name, count in ticks.items()}


def memory_mb(tiers: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Megabytes by tier, pages that processes share counted in shares (PSS)."""
    by_session: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            by_session[_session_and_ticks(entry)[0]] += _pss_kib(entry)
    return {tier: round(sum(by_session[pid] for pid in pids) / 1024, 1) for tier, pids in tiers.items()}


def _session_and_ticks(entry: Path) -> tuple[int, int]:
    try:
        stat = (entry / "stat").read_text()
    except OSError:
        return 0, 0
    # "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets, so count from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    return int(fields[3]), sum(int(field) for field in fields[11:15])


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
