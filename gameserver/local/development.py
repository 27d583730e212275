"""``gameserver dev``: what is saved in the game's folder counts, without stopping the server.

A change is first read in a fork of this process, which brings database and broker in line with it: what does not
import, contradicts itself or lacks a migration is named with file and line, and the old code goes on. Then each worker
reads the whole game anew before its next batch; where the declarations of events changed, the gateway does so first
(``gateway.development``). Nothing that holds a socket is restarted. beat and bots, which nobody is connected to, are,
where they are concerned.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gameserver.local.forked_reading import Reading
from gameserver.local.plan import Program
from gameserver.local.processes import wait_for
from gameserver.local.supervisor import Supervisor, say

POLL_S = 0.2
TAKEN_UP_S_MAX = 10.0  # by the gateway, which waits half as long for answers to events that nobody could read later
RESTART_S_MAX = 60.0
WORKER = "worker-"
BEAT, BOTS = "beat", "bots"

TESTS = ("test_", "conftest")
OTHERS = frozenset({"tests", "__pycache__"})

Times = dict[Path, int]


class Watch:
    """Which files below some folders were written, made or removed since it was asked last."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._known = self._look()

    def changed(self) -> list[Path]:
        """Return the files that changed, by their paths."""
        before, self._known = self._known, self._look()
        return sorted(file for file in {*before, *self._known} if before.get(file) != self._known.get(file))

    def _look(self) -> Times:
        found = (
            file
            for folder in self._folders
            for file in folder.rglob("*")
            if not is_ignored(file.relative_to(folder)) and file.is_file()
        )
        return {file: _written(file) for file in found}


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:  # removed while we looked
        return 0


def is_ignored(file: Path) -> bool:
    """Whether a file of a game means nothing to its server: a test, or what tools leave behind."""
    hidden = file.name.startswith(".") or file.name.endswith("~")
    return hidden or file.name.startswith(TESTS) or not OTHERS.isdisjoint(file.parts)


class Development:
    """Follows the files of a game while its server runs.

    ``read`` reads the game anew and gets everything ready for it, given the families that have workers of their own;
    ``live`` is the game as the programs read it when they began. ``stamp``: the file that tells workers to read the
    game anew; ``offered``: the one that tells the gateway, which gives it the name of the first.
    ``worker`` makes the worker of a family with these queues.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        *,
        read: Callable[[list[str]], Reading],
        live: Reading,
        stamp: Path,
        offered: Path,
        cwd: Path,
        programs: Sequence[Program],
        worker: Callable[[str, list[str]], Program],
    ) -> None:
        self._watch = Watch(folders)
        self._read = read
        self._live = live
        self._stamp = stamp
        self._offered = offered
        self._cwd = cwd
        self._programs = {program.name: program for program in programs}
        self._worker = worker
        offered.unlink(missing_ok=True)

    def follow(self, supervisor: Supervisor) -> None:
        """Take up changes until supervisord has ended."""
        while supervisor.is_running():
            time.sleep(POLL_S)
            if changed := self._watch.changed():
                self.take_up(changed, supervisor)

    def take_up(self, changed: Sequence[Path], supervisor: Supervisor) -> None:
        """Bring what changed to the players, or say why not."""
        names, began_s = ", ".join(map(self._short, changed)), time.monotonic()
        reading = self._read(self._served)
        fault = reading.fault or self._tell(reading)
        if fault:
            say(f"  {names}: not taken up, the old code goes on.\n    {fault}")
            return
        before, self._live = self._live, reading
        say(f"  {names}: live after {time.monotonic() - began_s:.1f} s.")
        for line in reading.done:
            say(f"    {line}")
        self._adjust(changed, before, supervisor)

    @property
    def _served(self) -> list[str]:
        """The families that have workers of their own."""
        return [name.removeprefix(WORKER) for name in self._programs if name.startswith(WORKER)]

    def _tell(self, reading: Reading) -> str:
        """Have gateway and workers read the game anew. Returns what went wrong, "" for nothing."""
        if reading.declared == self._live.declared:
            self._stamp.touch()
            return ""
        before = _written(self._stamp)
        self._offered.touch()
        if not wait_for(lambda: not self._offered.exists(), TAKEN_UP_S_MAX):
            with suppress(FileNotFoundError):  # a gateway that is down reads it when it begins
                self._offered.replace(self._stamp)
        return "" if _written(self._stamp) != before else "The gateway could not read it: see its log."

    def _adjust(self, changed: Sequence[Path], before: Reading, supervisor: Supervisor) -> None:
        """Start, stop and restart what can't take up a change by itself."""
        for family in self._live.families.keys() - before.families.keys():
            self._start(family, supervisor)
        for family in before.families.keys() - self._live.families.keys():
            supervisor.stop_program(self._programs[f"{WORKER}{family}"])
        if before.clock != self._live.clock:
            self._restart(BEAT, supervisor)
        if any(file.stem == BOTS for file in changed):
            self._restart(BOTS, supervisor)

    def _start(self, family: str, supervisor: Supervisor) -> None:
        """Start the worker of a family that is new, or is back. Another one works for it until this one is there."""
        if f"{WORKER}{family}" not in self._programs:
            program = self._worker(family, self._live.families[family])
            self._programs[program.name] = program
            supervisor.add_program(program)
        supervisor.start_program(self._programs[f"{WORKER}{family}"])

    def _restart(self, name: str, supervisor: Supervisor) -> None:
        program = self._programs.get(name)
        if program is None:
            return
        supervisor.restart_program(program)
        back = wait_for(program.ready, RESTART_S_MAX)
        say(f"    {name} restarted." if back else f"    {name} is not back. Its log: {supervisor.program_log(name)}")

    def _short(self, file: Path) -> str:
        return str(file.relative_to(self._cwd)) if file.is_relative_to(self._cwd) else str(file)
