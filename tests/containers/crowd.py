"""Bots that play while things happen to containers, and what they saw meanwhile."""

import itertools
import os
import re
import sys
import time
from pathlib import Path

import msgspec

from gameserver.testing.processes import Proc, eventually
from tests.containers.engine import Engine
from tests.deployments import ROOT

COUNT = 20
RATE = 2
_LINE = re.compile(
    r"^ *(\d+) s  bots (\d+)  sent (\d+)  answered (\d+)  refused \d+  errors (\d+)  waiting (\d+)"
    r"  .*  reconnects (\d+)$",
    re.MULTILINE,
)
_SUMMARY = re.compile(r"^sent (\d+), answered (\d+), unanswered (\d+), reconnects (\d+)$", re.MULTILINE)
_ERRORS = re.compile(r"^errors: (.*)$", re.MULTILINE)


class Second(msgspec.Struct, frozen=True):
    """What the bots said of one second."""

    at_s: int
    bots: int
    sent: int
    answered: int
    errors: int
    waiting: int
    reconnects: int


class Result(msgspec.Struct, frozen=True):
    """How a run of bots ended."""

    sent: int
    answered: int
    unanswered: int
    reconnects: int
    errors: str = ""


class Bots:
    """A crowd, started from this machine, that comes in by the port that players use."""

    def __init__(self, engine: Engine, name: str, address: str = "127.0.0.1:4000", rate: float = RATE) -> None:
        # Compose's own bots have the usual names: who enters under the same one throws the other out.
        names = ("--name-prefix", "guest")
        options = ("--forever", "--count", str(COUNT), "--rate", str(rate), "--address", address, *names)
        command = engine.in_its_network(sys.executable, "-m", "gameserver.cli", "bots", *options)
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._proc = Proc(name, command, environ, Path(engine.folder) / f"bots-{name}.log")

    @property
    def text(self) -> str:
        """All that they have said."""
        return self._proc.text

    def wait_until_all_play(self) -> None:
        """Wait until all are in the world, and are answered."""
        eventually(lambda: self.now().bots == COUNT, lambda: self._proc.tail, 60)
        before = self.now().answered
        eventually(lambda: self.now().answered > before + COUNT, lambda: self._proc.tail, 60)

    def now(self) -> Second:
        """The last second that they told of."""
        return self.seconds()[-1]

    def seconds(self) -> list[Second]:
        """All seconds so far."""
        assert self._proc.alive, self._proc.tail
        found = [Second(*map(int, match)) for match in _LINE.findall(self._proc.text)]
        return found or [Second(0, 0, 0, 0, 0, 0, 0)]

    def stall_s(self, since: Second) -> int:
        """The longest time since then in which fewer than a quarter of the usual events were answered."""
        told = [second for second in self.seconds() if second.at_s >= since.at_s]
        longest = quiet = 0
        for before, after in itertools.pairwise(told):
            quiet = quiet + 1 if after.answered - before.answered < COUNT * RATE / 4 else 0
            longest = max(longest, quiet)
        return longest

    def end(self) -> Result:
        """Let them finish, and give what they say of it all."""
        self._proc.terminate()
        self._proc.wait(60)
        (numbers,) = _SUMMARY.findall(self._proc.text)
        (errors,) = _ERRORS.findall(self._proc.text)
        sent, answered, unanswered, reconnects = map(int, numbers)
        return Result(sent, answered, unanswered, reconnects, errors)

    def kill(self) -> None:
        """End them, whatever they do."""
        self._proc.end()


def pause(seconds: float) -> None:
    """Let a fault last; nothing is waited for."""
    time.sleep(seconds)
