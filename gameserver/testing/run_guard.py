"""End what a run of tests started, and remove its temporary files, when the run ends, however it ends.

All processes that a run starts inherit a mark of its own in their environment, and make their temporary files in a
folder of its own. The guard is a process beside the run: when the run closes its pipe or is gone, it kills whoever
still carries the mark, and removes the folder. So a run that is killed leaves no more than one that ends.

The guard runs this file by itself, without the engine.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "TEST_RUN"
TEMPORARY = "TMPDIR"
PYTEST_FOLDERS = "PYTEST_DEBUG_TEMPROOT"  # where pytest keeps the folders of its last three runs
EVERYBODY_MAY_PASS = 0o711  # a PostgreSQL of another user has its data below
POLL_S = 0.05
WATCH_S = 1.0
CALM_S = 5.0  # how long what is ending may take
KILL_S_MAX = 30.0  # what waits for a broken disk dies when that answers, which may be never


def marked(mark: str) -> dict[int, str]:
    """Return the command lines of the live processes that carry a mark, by their pids."""
    sought = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and sought in _read(entry / "environ").split(b"\0"):
            found[int(entry.name)] = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it ended while we looked, or belongs to somebody else
        return b""


def kill_marked(mark: str, s_max: float = KILL_S_MAX) -> None:
    """SIGKILL all that carry a mark, again and again until none is left but what may not or does not die in time."""
    deadline_s = time.monotonic() + s_max
    while sum(_kill(pid) for pid in marked(mark)) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)


def _kill(pid: int) -> bool:
    """Kill a process, where that is allowed. Whether it is: what has ended meanwhile may have left children."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


class RunGuard:
    """The guard of this process's run, and what it gives to all children: a mark, a folder for temporary files."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        before = tempfile.gettempdir()
        self.folder = Path(tempfile.mkdtemp(prefix="test-run-"))
        self.folder.chmod(EVERYBODY_MAY_PASS)
        self._given = {MARK: self.mark, TEMPORARY: str(self.folder)}
        if PYTEST_FOLDERS not in os.environ:
            self._given[PYTEST_FOLDERS] = before
        self._guard = subprocess.Popen(
            (sys.executable, "-I", "-S", __file__, self.mark, str(self.folder)),
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )
        self._had = {name: os.environ.get(name) for name in self._given}
        _set(self._given)

    def left(self, s_max: float = CALM_S) -> list[str]:
        """Return the command lines of those that still run, once none is left or so many seconds have passed."""
        deadline_s = time.monotonic() + s_max
        while (found := marked(self.mark)) and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
        return list(found.values())

    def end(self) -> None:
        """Let the guard do its work, and wait for that."""
        _set(self._had)
        self._guard.communicate()


def _set(wanted: "dict[str, str] | dict[str, str | None]") -> None:
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    tempfile.tempdir = None  # to be found again


@contextmanager
def guarded() -> Iterator[RunGuard | None]:
    """Guard a ``with`` block. ``None`` within another run, whose guard sees to this one too."""
    if MARK in os.environ:
        yield None
        return
    guard = RunGuard()
    try:
        yield guard
    finally:
        guard.end()


def main(mark: str, folder: str) -> None:
    """Guard the run that started this process."""
    run = os.getppid()
    while os.getppid() == run and not select.select([sys.stdin], [], [], WATCH_S)[0]:
        continue  # a fork of the run's may hold the pipe open longer than the run lives
    kill_marked(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
