"""Processes of a server for tests: each in a session of its own, its output in a file.

Nothing is found by name and nothing outlives a test: a process dies with the test run (the kernel sees to that).
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gameserver.declare.game_package import folder
from gameserver.local.processes import kill, members, spawn, tethered

UP_S_MAX = 60.0
END_S_MAX = 30.0
POLL_S = 0.02
LOG_TAIL_CHARS = 4_000

_AT = r"gateway (\S+) listens on IPv4Address\(type='TCP', host='127\.0\.0\.1', port=(\d+)\)"
_LISTENS = re.compile(_AT + "(?! for )")


def eventually(
    condition: Callable[[], Any], what: str | Callable[[], object] = "the condition", s_max: float = 20.0
) -> Any:
    """Wait until a condition holds, and give what it gave. Fails past ``s_max`` seconds, with ``what`` (tells)."""
    deadline_s = time.monotonic() + s_max
    while not (found := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {s_max:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(POLL_S)
    return found


class Proc:
    """A running program: the leader of its own session and process group, its output in a file."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._doomed = False  # whether a test wanted it to end
        self._popen: subprocess.Popen[bytes] = spawn(tethered(command, "KILL"), environ=environ, log=log, cwd=folder())

    @property
    def pid(self) -> int:
        """The main process."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether the main process runs."""
        return self._popen.poll() is None

    @property
    def died_unasked(self) -> bool:
        """Whether it ended though no test ended it."""
        return not self.alive and not self._doomed

    @property
    def text(self) -> str:
        """Everything it has printed and logged."""
        return self.log.read_text(errors="replace")

    @property
    def tail(self) -> str:
        """The end of that, for failure messages."""
        return f"--- {self.name} (pid {self.pid}) ---\n{self.text[-LOG_TAIL_CHARS:]}"

    @property
    def rss_bytes(self) -> int:
        """The resident memory of the main process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def children(self) -> list[int]:
        """The pids of its children (a worker's pool)."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def says(self, text: str, times: int = 1, s_max: float = UP_S_MAX) -> None:
        """Wait until the text stands so often in its log; fail when it does not, or when the program ends."""
        eventually(lambda: self.text.count(text) >= times or not self.alive, lambda: f"{text!r}\n{self.tail}", s_max)
        assert self.text.count(text) >= times, f"ended without having said {text!r}\n{self.tail}"

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL the main process, or all of its group at once; returns when it is gone."""
        self._doomed = True
        (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Ask the main process to end (SIGTERM)."""
        self._doomed = True
        self._popen.terminate()

    def stop_by(self, number: signal.Signals) -> None:
        """Send the main process a signal that it is to end by."""
        self._doomed = True
        self._popen.send_signal(number)

    def freeze(self) -> None:
        """Stop the whole group where it stands."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def wait(self, s_max: float = END_S_MAX) -> int:
        """Wait for the end of the main process, and give its exit status (negative: the signal)."""
        self._doomed = True
        return self._popen.wait(s_max)

    def end(self) -> None:
        """SIGKILL everything in its session."""
        self._doomed = True
        kill(self._popen)

    def left(self) -> list[int]:
        """The live processes of its session."""
        return members(self.pid)


class GatewayProc(Proc):
    """A gateway on a loopback port that the kernel chose."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listens.group(2))

    @property
    def web_port(self) -> int:
        """Where it serves browsers, if it has such an endpoint."""
        return self._port_for("browsers")

    @property
    def telnet_port(self) -> int:
        """Where it speaks telnet, if it has such an endpoint."""
        return self._port_for("telnet")

    def _port_for(self, whom: str) -> int:
        found = re.search(f"{_AT} for {whom}", self.text)
        assert found, self.tail
        return int(found[2])

    @property
    def id(self) -> str:
        """Its id: the name it was given, and a random part."""
        return self._listens.group(1)

    @property
    def _listens(self) -> re.Match[str]:
        found = _LISTENS.search(self.text)
        assert found, self.tail
        return found

    @property
    def address(self) -> tuple[str, int]:
        """The same, as a pair."""
        return "127.0.0.1", self.port
