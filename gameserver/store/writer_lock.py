"""Let one process at a time begin a transaction on SQLite, in the order in which they ask, and none for ever.

SQLite's own waiting is a sleep that grows to 0.1 s and then tries its luck: with several writers most of a worker's
time went by in it. A lock of the kernel's (flock) wakes the next one at once, and a dead process lets go of it. A
frozen one does not, and would stop the world for as long as it sleeps: who has held the lock for longer than any batch
may take is killed by whoever waits, which makes its event somebody else's, like any lost lease.
"""

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

HOLD_S_MAX = 8.0
LOOK_S = 0.5
ENTRY = "{pid} {since_s:.3f}"
ENTRY_CHARS = 48  # padded, so that nothing is left of an entry whose process died


class WriterLock:
    """The lock that a process holds while it writes. Without a path there is nothing to lock."""

    def __init__(self, path: Path | None) -> None:
        # Held open as long as the process uses the database.
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666) if path else None
        self._waiting = threading.Event()
        self._watch: threading.Thread | None = None

    def close(self) -> None:
        """Close the file; the lock cannot be taken any more."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock within; wait for it first, and let the next process in afterwards."""
        fd = self._fd
        if fd is None:
            yield
            return
        self._enter(fd)
        try:
            yield
        finally:
            self._leave(fd)

    def _enter(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._watch_holder(fd)
            self._waiting.set()
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._waiting.clear()
        entry = ENTRY.format(pid=os.getpid(), since_s=time.monotonic())
        os.pwrite(fd, entry.ljust(ENTRY_CHARS).encode(), 0)

    def _leave(self, fd: int) -> None:
        os.ftruncate(fd, 0)
        fcntl.flock(fd, fcntl.LOCK_UN)

    def _watch_holder(self, fd: int) -> None:
        """Start a thread that watches the process that is waited for: a wait in the kernel has no bound."""
        if self._watch is None:
            self._watch = threading.Thread(target=self._look, args=(fd,), daemon=True, name="writer-lock")
            self._watch.start()

    def _look(self, fd: int) -> None:
        while True:
            self._waiting.wait()
            time.sleep(LOOK_S)
            if self._waiting.is_set():
                end_overdue_holder(os.pread(fd, ENTRY_CHARS, 0).decode(), time.monotonic())


def end_overdue_holder(entry: str, now_s: float) -> bool:
    """Kill a process that holds the lock for too long. ``entry``: what it wrote when it took the lock.

    Returns whether it was killed.
    """
    pid, _, since_s = entry.strip().partition(" ")
    if not since_s or now_s - float(since_s) < HOLD_S_MAX:
        return False
    log.error("process %s has held the database for more than %.0f s: it is killed", pid, HOLD_S_MAX)
    try:
        os.kill(int(pid), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
