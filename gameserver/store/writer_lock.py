"""Let one process at a time begin a transaction on SQLite, in the order in which they ask, and none for ever.

SQLite's own waiting is a sleep that grows to 0.1 s and then tries its luck: with several writers most of a worker's
time went by in it. A lock of the kernel's (flock) wakes the next one at once, and a dead process lets go of it. A
frozen one does not, and would stop the world for as long as it sleeps: who has held the lock for longer than any batch
may take is killed by whoever waits, which makes its event somebody else's, like any lost lease.
"""

import errno
import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gameserver.errors import Retryable

log = logging.getLogger(__name__)

HOLD_S_MAX = 8.0
LOOK_S = 0.5
ENTRY = "{pid} {since_s:.3f}"
ENTRY_CHARS = 48  # padded, so that nothing is left of an entry whose process died


class WriterLock:
    """The lock that a process holds while it writes. Without a path there is nothing to lock.

    Where the file can't be used ``Retryable`` ``database_away`` is raised, as by the database beside it: an ``OSError``
    would be taken for the fault of the event whose turn it is.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd: int | None = None  # opened for the first turn, and held open until ``close``
        self._waiting = threading.Event()
        self._watch: threading.Thread | None = None

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock within; wait for it first, and let the next process in afterwards."""
        if self._path is None:
            yield
            return
        fd = self._take(self._path)
        try:
            yield
        finally:
            _leave(fd)

    def _take(self, path: Path) -> int:
        try:
            fd = self._opened(path)
            self._lock(fd)
            _enter(fd)
        except OSError as fault:
            said = f"{path}, which writers lock, can't be used: {fault.strerror}."
            raise Retryable("database_away", said) from fault
        return fd

    def _opened(self, path: Path) -> int:
        if self._fd is None:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        return self._fd

    def _lock(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._watch_holder(fd)
            self._waiting.set()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            finally:
                self._waiting.clear()

    def _watch_holder(self, fd: int) -> None:
        """Start a thread that watches the process that is waited for: a wait in the kernel has no bound."""
        if self._watch is None:
            watch = threading.Thread(target=self._look, args=(fd,), daemon=True, name="writer-lock")
            _start(watch)
            self._watch = watch

    def _look(self, fd: int) -> None:
        while True:
            self._waiting.wait()
            time.sleep(LOOK_S)
            if self._waiting.is_set():
                with suppress(OSError):  # of the file: whoever waits for it is told
                    end_overdue_holder(os.pread(fd, ENTRY_CHARS, 0).decode(), time.monotonic())


def _start(thread: threading.Thread) -> None:
    """Start a thread. Raises ``OSError`` where the machine allows no more."""
    try:
        thread.start()
    except RuntimeError as fault:
        raise OSError(errno.EAGAIN, str(fault)) from fault


def _enter(fd: int) -> None:
    """Write down who holds the lock and since when; let go of it where that can't be done."""
    try:
        _write(fd, ENTRY.format(pid=os.getpid(), since_s=time.monotonic()).ljust(ENTRY_CHARS).encode())
    except OSError:
        _leave(fd)
        raise


def _write(fd: int, entry: bytes) -> None:
    """Write all of an entry or raise ``OSError``: half a number would be read as a time long ago."""
    if os.pwrite(fd, entry, 0) < len(entry):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _leave(fd: int) -> None:
    """Let the next one in. What was done in this turn is committed: no fault of the file's undoes it."""
    with suppress(OSError):  # the next one writes over the entry
        os.ftruncate(fd, 0)
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)


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
