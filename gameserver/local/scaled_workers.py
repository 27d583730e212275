"""Who starts and stops workers for ``gameserver scale``: supervisord, ``celery multi``, or a command of the operator's.

Workers are stopped by SIGTERM alone: each ends what it has, and gives the rest back. What was started is known from who
did it (supervisord's list, files with process ids, what serves a family), so that the next scaler goes on.
"""

import os
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

from gameserver.declare import catalogue
from gameserver.errors import Corrupt, Retryable
from gameserver.local.plan import Program, worker_command
from gameserver.local.processes import kill, spawn, wait_for
from gameserver.local.supervisor import SCALED, Control, late_group, render_late
from gameserver.security import private_files

COMMAND_LOG = "log/scale.log"
COMMAND_S_MAX = 60.0
STAGE = 2  # of all workers: they stop with those
AFTER_LEASE_S = 60  # for a worker to stop, above the longest lease
GONE = ("STOPPED", "EXITED", "FATAL")
GOING = "STOPPING"
MISREAD = frozenset("%\"'\\ \t\n")  # by celery multi, in what it is given


def free_numbers(family: str, names: Collection[str], used: Collection[int]) -> Iterator[int]:
    """Count up, without the numbers of workers that are there."""
    taken = {name.partition("@")[0] for name in names}
    return (number for number in count(1) if number not in used and f"{family}{number}" not in taken)


class SupervisedWorkers:
    """Workers beside those of ``gameserver up``, under its supervisord, which restarts them when they die."""

    def __init__(self, var: Path, families: Mapping[str, Sequence[str]], log_level: str) -> None:
        self._families = families
        self._log_level = log_level
        self._folder = var
        self._control = Control.of(var)

    def own(self, family: str) -> int:
        """Count those that run, or are about to."""
        return len(self._numbers(family))

    def change(self, *, family: str, queues: Sequence[str], step: int, workers: int, names: Collection[str]) -> None:
        """Start workers, or ask the newest ones to stop."""
        numbers = self._numbers(family)
        if step > 0:
            self._start(family, list(islice(free_numbers(family, names, self._all(family)), step)))
        for number in sorted(numbers)[max(0, len(numbers) + step) :] if step < 0 else ():
            name = _name(family, number)
            self._control.ask("stopProcess", f"{late_group(name)}:{name}", False)

    def _start(self, family: str, numbers: Sequence[int]) -> None:
        there = [self._program(each, number) for each in self._families for number in self._all(each)]
        new = [self._program(family, number) for number in numbers]
        private_files.write(self._folder / SCALED, render_late([*there, *new]))
        self._control.ask("reloadConfig")
        for program in new:
            self._control.ask("addProcessGroup", late_group(program.name))
            self._control.ask("startProcess", f"{late_group(program.name)}:{program.name}", False)

    def _numbers(self, family: str) -> list[int]:
        """Those that run; what has stopped is forgotten."""
        states = self._all(family)
        for number in [number for number, state in states.items() if state in GONE]:
            self._control.ask("removeProcessGroup", late_group(_name(family, number)))
            del states[number]
        return [number for number, state in states.items() if state != GOING]

    def _all(self, family: str) -> dict[int, str]:
        prefix = late_group(_name(family, ""))
        infos = self._control.ask("getAllProcessInfo")
        return {
            int(info["group"].removeprefix(prefix)): info["statename"]
            for info in infos
            if info["group"].removeprefix(prefix).isdecimal()
        }

    def _program(self, family: str, number: int) -> Program:
        command = worker_command(family, list(self._families[family]), number)
        lease_s = max(spec.lease_s for spec in catalogue.specs())
        return Program(
            name=_name(family, number),
            command=(sys.executable, "-m", "celery", *command, "--loglevel", self._log_level.upper()),
            stage=STAGE,
            stop_s_max=int(lease_s) + AFTER_LEASE_S,
            late=True,
        )


def _name(family: str, number: object) -> str:
    return f"worker-{family}-{number}"


class DaemonWorkers:
    """Workers in the background of this machine, started and stopped by ``celery multi``.

    It splits what it is given at spaces, and takes ``%n`` and ``%h`` for names, once or several times, whatever is
    doubled. So all paths are relative to the folder in which it runs: what that one is called is never read.
    """

    def __init__(self, var: Path, environ: Mapping[str, str], cwd: Path, python: str = sys.executable) -> None:
        """Raises ``Corrupt`` (code ``bad_folder``) when Python lies where ``celery multi`` does not find it."""
        self._folder = var / "scaled"
        self._commands = Commands(var / COMMAND_LOG, environ, cwd)
        scaled, logs, self._python = (os.path.relpath(path, cwd) for path in (self._folder, var / "log", python))
        if misread := sorted(MISREAD.intersection(self._python)):
            sentence = f"celery multi can't start {python}, for the {misread[0]!r} in it: use --by supervisor."
            raise Corrupt("bad_folder", sentence)
        self._where = (f"--pidfile={scaled}/%n.pid", f"--logfile={logs}/worker-%n.log", f"--executable={self._python}")
        self._going: set[Path] = set()

    def own(self, family: str) -> int:
        """Count those that run and were not asked to stop."""
        return len(self._running(family))

    def change(self, *, family: str, queues: Sequence[str], step: int, workers: int, names: Collection[str]) -> None:
        """Start workers, or ask the newest ones to stop."""
        running = self._running(family)
        self._folder.mkdir(parents=True, exist_ok=True)
        used = [*running, *(number for number, file in self._files(family).items() if file in self._going)]
        for number in islice(free_numbers(family, names, used), max(0, step)):
            pool = ("-Q", ",".join(queues), "-c", "1", "--pool=prefork", "-l", "INFO")
            self._multi("start", f"{family}{number}", "-A", "tasks", *pool)
        for number in sorted(running)[max(0, len(running) + step) :] if step < 0 else ():
            self._multi("stop", f"{family}{number}")
            self._going.add(running[number])

    def _multi(self, verb: str, name: str, *options: str) -> None:
        self._commands.run([self._python, "-m", "celery", "multi", verb, name, *options, *self._where])

    def _running(self, family: str) -> dict[int, Path]:
        return {n: file for n, file in self._files(family).items() if file not in self._going and _is_alive(file)}

    def _files(self, family: str) -> dict[int, Path]:
        self._going = {file for file in self._going if _is_alive(file)}
        files = {file.stem.removeprefix(family): file for file in self._folder.glob(f"{family}*.pid")}
        return {int(number): file for number, file in files.items() if number.isdecimal()}


def _is_alive(file: Path) -> bool:
    with suppress(OSError, ValueError):
        return b"celery" in Path(f"/proc/{int(file.read_text())}/cmdline").read_bytes()
    return False


class CommandedWorkers:
    """Workers that a command of the operator's scales: it is told the family and how many there shall be."""

    def __init__(self, template: str, log: Path, environ: Mapping[str, str], cwd: Path) -> None:
        """Raises ``Corrupt`` (code ``bad_command``) for a template without both."""
        self._template = shlex.split(template)
        if not all(any(f"{{{name}}}" in part for part in self._template) for name in ("family", "count")):
            raise Corrupt("bad_command", f"The command needs {{family}} and {{count}} in it: {template}")
        self._commands = Commands(log, environ, cwd)

    def own(self, family: str) -> None:
        """All that serve a family alone are those of the command."""

    def change(self, *, family: str, queues: Sequence[str], step: int, workers: int, names: Collection[str]) -> None:
        """Run the command."""
        told = (("{family}", family), ("{count}", str(workers)))
        self._commands.run([_replaced(part, told) for part in self._template])


def _replaced(text: str, told: Sequence[tuple[str, str]]) -> str:
    for name, value in told:
        text = text.replace(name, value)
    return text


class Commands:
    """Runs commands, each for a bounded time, their output in a log."""

    def __init__(self, log: Path, environ: Mapping[str, str], cwd: Path, s_max: float = COMMAND_S_MAX) -> None:
        self._log = log
        self._environ = environ
        self._cwd = cwd
        self._s_max = s_max

    def run(self, command: Sequence[str]) -> None:
        """Run a command. Raises ``Retryable`` ``command_failed`` when it fails, is not there or takes too long."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        try:
            child = spawn(command, environ=self._environ, log=self._log, cwd=self._cwd)
        except OSError as error:
            raise Retryable("command_failed", f"{command[0]} can't be run: {os.strerror(error.errno or 0)}.") from None
        if not wait_for(lambda: child.poll() is not None, self._s_max):
            kill(child)
            raise self._failed(command, f"took longer than {self._s_max:g} s")
        if child.returncode:  # what it left running in the background is to stay
            raise self._failed(command, f"ended with status {child.returncode}")

    def _failed(self, command: Sequence[str], how: str) -> Retryable:
        return Retryable("command_failed", f"`{shlex.join(command)}` {how}; its output is in {self._log}.")
