"""A process that may use no more than a part of a processor: the kernel's quota of a control group.

So it can be seen what several gateways carry while processors are free, on a machine that has few. Needs root, and
control groups of either version: https://docs.kernel.org/scheduler/sched-bwc.html,
https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD_US = 10_000  # short beside what is measured, so that a spent quota shows as little as possible
ROOT = Path("/sys/fs/cgroup")
OLD = ROOT / "cpu"  # version 1 has a tree for each controller
END_S = 5.0
POLL_S = 0.05


@contextlib.contextmanager
def limited(pid: int, share: float) -> Iterator[None]:
    """Until the end the process has so much of a processor (0: no bound). Raises ``OSError`` where that can't be."""
    if not share:
        yield
        return
    root = OLD if OLD.is_dir() else ROOT
    home, group = root / group_of(pid).lstrip("/"), root / f"benchmark-{pid}"
    group.mkdir()
    try:
        for name, text in _settings(share).items():
            (group / name).write_text(text)
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
            (home / "cgroup.procs").write_text(str(pid))
        _remove(group)


def group_of(pid: int) -> str:
    """The group in which a process is, as far as processors go."""
    wanted = "cpu" if OLD.is_dir() else ""  # version 2 has one tree for all controllers, and names none
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    return next(path for _, names, path in lines if wanted in names.split(","))


def _settings(share: float) -> dict[str, str]:
    quota_us = int(PERIOD_US * share)
    if OLD.is_dir():
        return {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(quota_us)}
    return {"cpu.max": f"{quota_us} {PERIOD_US}"}


def _remove(group: Path) -> None:
    """The kernel lets a group go a moment after its last process left it."""
    until_s = time.monotonic() + END_S
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > until_s:
                raise
            time.sleep(POLL_S)
        else:
            return
