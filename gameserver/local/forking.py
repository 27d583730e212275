"""Run a Python program as a forked copy of this process, which has imported what the program needs.

A fork begins in milliseconds, and shares with its parent the memory of all modules that both have imported: an
interpreter started for each program would read them again, into memory of its own. It is for a parent of one thread.
"""

import ctypes
import gc
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from gameserver.local.processes import Forked, tethered

PR_SET_PDEATHSIG = 1
_PYTHON = (sys.executable, "-m")
# The fields of /proc/PID/stat that tell where a command line begins and ends, and where the environment behind it ends.
_ARG_START, _ARG_END, _ENV_END = 48, 49, 51


def module_of(command: Sequence[str]) -> tuple[str, ...]:
    """Return the module that a tethered command runs in this interpreter, and its arguments; nothing for others."""
    bare = tuple(command[len(tethered(())) :])
    return bare[len(_PYTHON) :] if bare[: len(_PYTHON)] == _PYTHON else ()


def fork(command: Sequence[str], *, environ: Mapping[str, str], log: Path, cwd: Path) -> Forked:
    """Run a tethered ``python -m`` command in a fork with a session of its own, output appended to ``log``."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _leave(log, cwd)
        become(module_of(command), environ, parent)
    return Forked(pid)


def _leave(log: Path, cwd: Path) -> None:
    """Have a session, files and a folder of its own."""
    try:
        os.setsid()
        _redirect(log)
        os.chdir(cwd)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _redirect(log: Path) -> None:
    """Read nothing, write to the log, and leave all other files of the parent."""
    sources = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for target, source in enumerate((sources[0], sources[1], sources[1])):
        os.dup2(source, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def become(module: Sequence[str], environ: Mapping[str, str], parent: int) -> NoReturn:
    """Be ``python -m MODULE ARGUMENTS...``: for a process that was just forked, with its files in order.

    What the parent had is never let go: its sockets have numbers that belong to other files here.
    """
    status = 1
    try:
        gc.freeze()
        _end_with(parent)
        _forget_signals()
        os.environ.clear()
        os.environ.update(environ)
        _show_as((*_PYTHON, *module))
        status = _status(module)
        ctypes.pythonapi.Py_Exit(status)  # as an interpreter ends, while the parent's frames stay as they are
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _status(module: Sequence[str]) -> int:
    sys.argv = list(module)
    sys.path[0] = os.getcwd()
    # Streams of its own: those of the parent were made for its files, and know whether one can seek in these.
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115
    try:
        runpy.run_module(module[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


def _end_with(parent: int) -> None:
    """Be told by the kernel when the parent ends; it may have ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _forget_signals() -> None:
    """Take signals as a new interpreter does, instead of by the parent's handlers."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _show_as(command: Sequence[str]) -> None:
    """Let ``ps`` show this command instead of the parent's.

    It is written where the parent's command line and environment lie, which nobody reads any more: as long as it
    reaches beyond the first, the kernel reads on into the second.
    """
    stat = Path("/proc/self/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()  # from the third on: the name before may hold anything
    begin, end, last = (int(fields[n - 3]) for n in (_ARG_START, _ARG_END, _ENV_END))
    text = " ".join(command).encode()[: last - begin - 1] + b"\0"
    ctypes.memmove(begin, text.ljust(end - begin, b"\0"), max(len(text), end - begin))
