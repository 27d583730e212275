"""What ``make run`` starts, with its supervisor and all programs of its plan, but without bots: ``gameserver up``."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gameserver.local.ports import Ports, variable
from gameserver.testing.deployment import Deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from tests.benchmarks import machine

UP_S_MAX = 120.0
STOP_S_MAX = 90.0
SAYS = "stop everything"  # last, when all is up
# What a program is, by its command line; the first that fits counts.
TIERS = {
    "broker": r"rabbit|epmd|beam",
    "flower": r" -m celery .*\bflower\b",
    "workers": r" -m celery .*\b(worker|beat)\b",
    "gateway": r" -m gateway\b(?!\.)",
}
OTHERS = "supervisor"


@contextlib.contextmanager
def gameserver_up(deployment: Deployment) -> Iterator[tuple[tuple[str, int], dict[str, list[int]]]]:
    """Start it in a deployment's folder, on its database. Gives where the gateway listens, and the tiers."""
    gateway, *others = free_ports(1 + len(Ports.__struct_fields__))
    ports = dict(zip(map(variable, Ports.__struct_fields__), map(str, others), strict=True))
    given = {name: value for name, value in deployment.environ.items() if name != "AMQP_URL"}
    environ = {**given, **ports, "GAMESERVER_ENDPOINTS": f"tcp:{gateway}:interface=127.0.0.1"}
    output = deployment.folder / "up.log"
    with output.open("ab") as log:
        command = (sys.executable, "-m", "gameserver", "up", "--bots", "0")
        up = subprocess.Popen(command, env=environ, cwd=machine.ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        eventually(lambda: SAYS in output.read_text() or up.poll() is not None, output.read_text, UP_S_MAX)
        assert up.poll() is None, output.read_text()
        yield ("127.0.0.1", gateway), tiers(up.pid)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(STOP_S_MAX)


def tiers(up: int) -> dict[str, list[int]]:
    """The leaders of each tier among all that descends from a process: the programs, by their command lines."""
    found: dict[str, list[int]] = {OTHERS: [up], **{tier: [] for tier in TIERS}}
    for pid in machine.by_tier(machine.processes(), {OTHERS: [up]})[OTHERS]:
        tier = _tier(pid)
        if tier != OTHERS:
            found[tier].append(pid)
    return found


def _tier(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return OTHERS
    return tier_of(os.fsdecode(command).replace("\0", " "))


def tier_of(command: str) -> str:
    """The tier of a program with this command line."""
    return next((tier for tier, pattern in TIERS.items() if re.search(pattern, command)), OTHERS)
