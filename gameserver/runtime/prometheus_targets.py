"""Where a process can be asked for its metrics: a file in ``var/metrics`` that Prometheus reads (``file_sd_configs``).

So ports need not be chosen: the kernel gives a free one, and any number of gateways and workers run on one machine. A
file that a killed process left is removed by the next process that starts.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from socket import gethostname

import msgspec

from gameserver.config import Address

log = logging.getLogger(__name__)


class Target(msgspec.Struct, frozen=True):
    """One entry of such a file."""

    targets: list[str]
    labels: dict[str, str]


def announce(folder: Path, job: str, name: str, where: Address) -> Path | None:
    """Write this process's file. ``name``: of the process, in the deployment. Returns the file, for ``withdraw``.

    ``None`` where it can't be written: a process plays without being measured, on a full disk too.
    """
    file = folder / f"{job}.{gethostname()}.{os.getpid()}.json"
    try:
        _sweep(folder)
        return write(file, [Target([str(where)], {"job": job, "process": name})])
    except OSError as fault:
        log.warning("Prometheus won't find this process, whose file can't be written: %s", fault)
        return None


def write(file: Path, found: list[Target]) -> Path:
    """Write a file of targets in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.new")
    beside.write_bytes(msgspec.json.encode(found))
    return beside.replace(file)


def withdraw(file: Path | None) -> None:
    """This process ends. What it can't remove the next one does."""
    if file is not None:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine left behind that are dead."""
    for file in folder.glob(f"*.{gethostname()}.*.json"):
        pid = file.suffixes[-2][1:]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            file.unlink(missing_ok=True)
