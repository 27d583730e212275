"""Work that stops half way and goes on later: each strand has a thread of its own, and one at a time runs at all.

Which strand goes on is said by whoever calls ``go_on``, and nobody else: threads here give ordinary code a place to
stop in, and bring no chance with them.
"""

from _thread import LockType, allocate_lock, start_new_thread
from collections.abc import Callable


class Crash(BaseException):
    """A worker dies. Not an ``Exception``: nothing in the code may catch it."""


def _taken() -> LockType:
    lock = allocate_lock()
    lock.acquire()
    return lock


class _Thread:
    """Serves one strand after the other."""

    def __init__(self) -> None:
        self.mine, self.theirs = _taken(), _taken()
        self.work: Callable[[], None]
        start_new_thread(self._serve, ())

    def _serve(self) -> None:
        while True:
            self.mine.acquire()
            self.work()
            self.theirs.release()


_idle: list[_Thread] = []


class Strand:
    """Work that may ``stop``. It must not raise; ``over``: it has come to its end."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.over = False
        self._work = work
        self._crash = False
        self._thread = _idle.pop() if _idle else _Thread()
        self._thread.work = self._run

    def _run(self) -> None:
        self._work()
        self.over = True

    def go_on(self, *, crash: bool = False) -> None:
        """Let it run until it stops or is over; with ``crash`` it dies where it stands. For everyone else."""
        self._crash = crash
        self._thread.mine.release()
        self._thread.theirs.acquire()
        if self.over:
            _idle.append(self._thread)

    def stop(self) -> None:
        """Let others run until somebody says ``go_on``. For the strand itself."""
        self._thread.theirs.release()
        self._thread.mine.acquire()
        if self._crash:
            raise Crash()
