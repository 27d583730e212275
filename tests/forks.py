"""Run a piece of a test in a fork of its process, which may give up rights that a process never gets back."""

import os
import resource
import sys
from collections.abc import Callable

NOBODY = 65_534


def in_fork(work: Callable[[], str]) -> str:
    """Return what ``work`` returns in a fork of this process, or what it raised there as `repr`."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.write(writer, _done(work).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return said


def _done(work: Callable[[], str]) -> str:
    try:
        return work()
    except BaseException as fault:
        return repr(fault)


def become_nobody() -> None:
    """Give up root's rights, if this process has them: root may write everything."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def allow_file_bytes(most: int) -> None:
    """Let this process's files not grow beyond so many bytes, like those on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
