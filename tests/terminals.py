"""Programs in a terminal of their own: clients of others, which need one.

Debian's packages ``tintin++`` and ``inetutils-telnet``. Without them such tests are skipped with the reason; in CI they
fail instead.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import Self

import pytest

from gameserver.local.processes import tethered

WAIT_S_MAX = 30.0
PASSWORD = "a long secret"
GAMES = "/usr/games"  # where Debian puts tintin++


def program(name: str) -> str:
    """Find a program. Skips the test where it is missing."""
    found = shutil.which(name) or shutil.which(name, path=GAMES)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing: docker/system-packages.sh test")
        pytest.skip(f"{name} is missing: docker/system-packages.sh test")
    return found


class ATerminal:
    """A program, and what a person at its terminal does. ``seen``: all that it showed."""

    def __init__(self, *command: str, cwd: Path, columns: int = 100, rows: int = 40) -> None:
        self.seen = ""
        self._read_to = 0
        self._fd, inner = pty.openpty()
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "HOME": str(cwd), "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            tethered(command, "KILL"),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
        os.close(inner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)

    def presses(self, keys: str) -> None:
        """Press keys, as they are."""
        os.write(self._fd, keys.encode())

    def types(self, line: str) -> None:
        """Type a line, and Enter."""
        os.write(self._fd, line.encode() + b"\r")

    def reads(self, pattern: str) -> str:
        """Wait until something new is seen that looks like this. Gives it."""
        deadline_s = time.monotonic() + WAIT_S_MAX
        while not (found := re.compile(pattern).search(self.seen, self._read_to)):
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"{pattern!r} was not seen in {self.seen[self._read_to :]!r}"
            if select.select([self._fd], [], [], left_s)[0]:
                try:
                    self.seen += os.read(self._fd, 65_536).decode("utf-8", "replace")
                except OSError as error:  # the program has ended
                    raise AssertionError(f"{pattern!r} was not seen in {self.seen!r}") from error
        self._read_to = found.end()
        return found[0]


def enter(terminal: ATerminal, name: str) -> None:
    """Make a new player, as the dialogue asks for it."""
    terminal.reads("Your name")
    terminal.types("new")
    terminal.reads("A name for your player: ")
    terminal.types(name)
    terminal.reads("characters or more\\): ")
    terminal.types(PASSWORD)
    terminal.reads("once more: ")
    terminal.types(PASSWORD)
    terminal.reads("Welcome, ")
