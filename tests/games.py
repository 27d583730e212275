"""A new game in a folder of its own, and processes that play it while its files change."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gameserver.local.scaffold import new_game

ROOT = Path(__file__).parents[1]


class Playing:
    """A process in the folder of a new game called ``isle``, which runs a script and answers a line with lines."""

    def __init__(self, folder: Path, script: str, environ: Mapping[str, str] | None = None) -> None:
        self.root = new_game("isle", folder)
        self.module = self.root / "isle" / "gestures"
        known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=self.root,
            env={
                **known,
                "PYTHONPATH": f"{ROOT}{os.pathsep}{self.root}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "GAMESERVER_HOME": str(self.root),
                **(environ or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str = "", lines: int = 1) -> list[str]:
        """Give it a line; returns what it prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return [self._process.stdout.readline().strip() for _ in range(lines)]

    def change(self, file: str, old: str, new: str) -> None:
        """Put something else into a file of the module ``gestures``."""
        path = self.module / file
        text = path.read_text()
        assert old in text, text
        path.write_text(text.replace(old, new))

    def end(self) -> None:
        """Let it come to its end."""
        self._process.communicate(timeout=20)
