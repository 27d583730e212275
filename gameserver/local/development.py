"""``gameserver dev``: what is saved in the game's folder counts, without stopping the server.

A change is first read by a process of its own: what does not import, or contradicts itself, is named with file and
line, and the old code goes on. Where only rules and hooks changed, workers exchange them between two events. Whatever
else changed, the programs that were made of it are restarted, one after the other.
"""

import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gameserver.local.check import COMMAND, MIGRATIONS
from gameserver.local.plan import Program
from gameserver.local.processes import wait_for
from gameserver.local.supervisor import Supervisor, say
from gameserver.processing.reloading import is_exchangeable, is_test

POLL_S = 0.2
CHECK_S_MAX = 60.0
RESTART_S_MAX = 60.0
SUFFIXES = frozenset({".py", ".tmj", ".world", ".json"})
# Made of the game's declarations, in the order in which a new release is brought to players: gateways last.
WORKER = "worker-"
RESTARTED = (WORKER, "beat", "gateway")

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
        found = (file for folder in self._folders for file in folder.rglob("*") if file.suffix in SUFFIXES)
        return {file: _written(file) for file in found if not is_test(file)}


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:  # removed while we looked
        return 0


class Development:
    """Follows the files of a game while its server runs. ``stamp``: the file that tells workers to read rules anew."""

    def __init__(
        self,
        folders: Iterable[Path],
        *,
        stamp: Path,
        cwd: Path,
        environ: Mapping[str, str],
        programs: Sequence[Program],
    ) -> None:
        self._watch = Watch(folders)
        self._stamp = stamp
        self._cwd = cwd
        self._environ = environ
        self._programs = programs

    def follow(self, supervisor: Supervisor) -> None:
        """Take up changes until supervisord has ended."""
        while supervisor.is_running():
            time.sleep(POLL_S)
            if changed := self._watch.changed():
                self._take_up(changed, supervisor)

    def _take_up(self, changed: Sequence[Path], supervisor: Supervisor) -> None:
        names = ", ".join(self._short(file) for file in changed)
        exchangeable = all(map(is_exchangeable, changed))
        families, fault = self._read(*(() if exchangeable else (MIGRATIONS,)))
        if fault:
            say(f"  {names}: not taken up, the old code goes on.\n    {fault}")
        elif families != self._served():
            say(f"  {names}: the game has other families now. Stop this server and start it again.")
        elif exchangeable:
            self._stamp.write_text(names)
            say(f"  {names}: live.")
        else:
            say(f"  {names}: restarting what is made of it.")
            self._restart(supervisor)

    def _read(self, *options: str) -> tuple[set[str], str]:
        """Read the game as it stands in its files now. Returns its families, or what is wrong with it."""
        done = subprocess.run(
            (*COMMAND, *options),
            cwd=self._cwd,
            env=dict(self._environ),
            capture_output=True,
            text=True,
            timeout=CHECK_S_MAX,
            check=False,
        )
        if done.returncode == 0:
            return set(done.stdout.split()), ""
        return set(), done.stderr.strip() or f"it ended with {done.returncode}"

    def _served(self) -> set[str]:
        workers = (program.name for program in self._programs if program.name.startswith(WORKER))
        return {name.removeprefix(WORKER) for name in workers}

    def _restart(self, supervisor: Supervisor) -> None:
        for program in (p for kind in RESTARTED for p in self._programs if p.name.startswith(kind)):
            supervisor.restart_program(program)
            if not wait_for(program.ready, RESTART_S_MAX):
                say(f"  {program.name} is not back. Its log: {supervisor.program_log(program.name)}")
                return
            say(f"  {program.name} restarted.")

    def _short(self, file: Path) -> str:
        return str(file.relative_to(self._cwd)) if file.is_relative_to(self._cwd) else str(file)
