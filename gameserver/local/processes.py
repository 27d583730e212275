"""Start and end child processes that never outlive their parent.

Every child starts in a session of its own and is tethered: the kernel signals it when its parent dies, however that
happens (``setpriv --pdeathsig``). Ending a session ends everything in it, so nothing is found by name and no process
that is not ours is ever touched.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.05


def tethered(command: Sequence[str], signal_name: str = "TERM") -> tuple[str, ...]:
    """Return the command such that the kernel signals it when the *thread* that starts it ends: use one that stays."""
    return ("setpriv", "--pdeathsig", signal_name, *command)


def spawn(
    command: Sequence[str], *, environ: Mapping[str, str], log: Path, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own (its id is the pid), output appended to ``log``, input empty."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Forked:
    """A child that was forked, with as much of ``subprocess.Popen`` as is needed to end it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the status with which it ended, a signal's as its negative number; ``None`` while it runs."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """Return that, when it has ended."""
        return self._ended(0)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)


Child = subprocess.Popen[bytes] | Forked


def wait_for(condition: Callable[[], bool], s_max: float) -> bool:
    """Poll until the condition holds. Returns False when it did not within ``s_max`` seconds."""
    deadline = time.monotonic() + s_max
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def end(child: Child, s_max: float) -> None:
    """SIGTERM a child and wait; past ``s_max`` seconds SIGKILL. Then end whatever is left in its session."""
    if child.poll() is None:
        child.terminate()
        wait_for(lambda: child.poll() is not None, s_max)
    kill(child)


def kill(child: Child, s_max: float = 10.0) -> None:
    """SIGKILL a child and all of its session; return when none of them runs any more (or after ``s_max`` seconds)."""
    if child.poll() is None:
        child.kill()
    child.wait()
    wait_for(lambda: not _killed(child.pid), s_max)


def _killed(session: int) -> list[int]:
    left = members(session)
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return left


def members(session: int) -> list[int]:
    """Return the pids of a session's live processes. A zombie is dead, even if nobody ever reaps it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            state, of_session = _state_and_session(entry)
            if of_session == session and state not in ("Z", "X", ""):
                found.append(int(entry.name))
    return found


def _state_and_session(entry: Path) -> tuple[str, int]:
    try:
        stat = (entry / "stat").read_text()
    except OSError:  # it ended while we looked
        return "", 0
    # "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets, so count from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    return fields[0], int(fields[3])
