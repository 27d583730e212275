"""Who starts and stops workers for a scaler: free names, commands that end, and what is told when they fail."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from gameserver.errors import GameError
from gameserver.local.scaled_workers import CommandedWorkers, Commands, DaemonWorkers, SupervisedWorkers, free_numbers
from gameserver.local.supervisor import Control
from gameserver.testing.processes import eventually

CHANGE: dict[str, Any] = {"family": "chat", "queues": ["chat"], "step": 1, "workers": 3, "names": ()}


def commands(folder: Path, s_max: float = 30.0) -> Commands:
    return Commands(folder / "log" / "scale.log", os.environ, folder, s_max)


def test_numbers_of_workers_that_are_there_are_left_out() -> None:
    assert list(islice(free_numbers("chat", {"chat1@h", "chat3@other", "chats@h"}, [2]), 2)) == [4, 5]


def test_a_command_is_told_the_family_and_how_many_there_shall_be(tmp_path: Path) -> None:
    log = tmp_path / "log" / "scale.log"
    workers = CommandedWorkers("echo 'worker {family}' --replicas={count} {other}", log, os.environ, tmp_path)
    workers.change(**CHANGE)
    assert log.read_text() == "worker chat --replicas=3 {other}\n"
    assert workers.own("chat") is None


@pytest.mark.parametrize("template", ["", "scale {family}", "scale {count}", "scale family count"])
def test_a_command_that_would_not_know_what_to_do_is_refused(template: str, tmp_path: Path) -> None:
    with pytest.raises(GameError, match=r"needs \{family\} and \{count\}"):
        CommandedWorkers(template, tmp_path / "log", {}, tmp_path)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["false"], "`false` ended with status 1; its output is in"),
        (["no-such-program"], "No such file or directory"),
        (["sh", "-c", "sleep 1000 & sleep 1000"], "took longer than 0.2 s"),
    ],
)
def test_a_command_that_fails_is_one_sentence(command: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(GameError, match=said):
        commands(tmp_path, 0.2 if "sleep" in command[-1] else 30.0).run(command)


def test_what_a_command_leaves_running_goes_on(tmp_path: Path) -> None:
    commands(tmp_path).run(["sh", "-c", "sleep 1000 & echo $! > pid"])
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, 15)


def test_without_a_supervisord_it_is_said_who_starts_it(tmp_path: Path) -> None:
    with pytest.raises(GameError, match=r"No supervisord runs in .*: `gameserver up` starts it"):
        SupervisedWorkers(tmp_path, {"chat": ["chat"]}, "info")


class FakeControl(Control):
    """A supervisord that has these groups, in these states."""

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.asked: list[tuple[str, ...]] = []

    def ask(self, method: str, *args: Any) -> Any:
        if method == "getAllProcessInfo":
            return [{"group": group, "statename": state} for group, state in self.states.items()]
        self.asked.append((method, *args))
        if method == "removeProcessGroup":
            del self.states[args[0]]
        return None


@pytest.fixture
def supervised(tmp_path: Path) -> SupervisedWorkers:
    (tmp_path / "supervisor.path").write_text("socket")
    workers = SupervisedWorkers(tmp_path, {"chat": ["chat"], "trade": ["trade", "trade.sell"]}, "info")
    workers._control = FakeControl(
        {
            "stage2": "RUNNING",
            "late-worker-chat": "RUNNING",  # a family's first one, of `gameserver dev`
            "late-worker-chat-2": "RUNNING",
            "late-worker-chat-4": "BACKOFF",
            "late-worker-chat-5": "STOPPING",
            "late-worker-chat-6": "STOPPED",
            "late-worker-trade-2": "STARTING",
        }
    )
    return workers


def test_those_that_stop_are_not_counted_and_those_that_stopped_are_forgotten(supervised: SupervisedWorkers) -> None:
    assert supervised.own("chat") == 2
    assert supervised._control.asked == [("removeProcessGroup", "late-worker-chat-6")]  # type: ignore[attr-defined]


def test_the_newest_go_first_and_in_order(supervised: SupervisedWorkers) -> None:
    supervised.change(**{**CHANGE, "step": -1})
    _, stopped = supervised._control.asked  # type: ignore[attr-defined]
    assert stopped == ("stopProcess", "late-worker-chat-4:worker-chat-4", False)


def test_a_new_one_has_a_free_number_and_those_that_are_there_stay_known(
    supervised: SupervisedWorkers, tmp_path: Path
) -> None:
    supervised.change(**{**CHANGE, "step": 2, "names": {"chat1@h"}})
    text = (tmp_path / "scaled.conf").read_text()
    names = ["chat-2", "chat-4", "chat-5", "trade-2", "chat-3", "chat-6"]
    assert [line for line in text.splitlines() if line.startswith("[program")] == [
        f"[program:worker-{name}]" for name in names
    ]
    assert "-Q trade,trade.sell -n trade2@%%h --concurrency 1" in text
    assert "stopasgroup=false" in text
    asked = supervised._control.asked  # type: ignore[attr-defined]
    assert ("addProcessGroup", "late-worker-chat-3") in asked
    assert asked[-1] == ("startProcess", "late-worker-chat-6:worker-chat-6", False)


class FakeCommands(Commands):
    """Nothing is run; a worker that is started is a process that sleeps, and one that is to stop takes its time."""

    def __init__(self, folder: Path, processes: ExitStack) -> None:
        self.ran: list[Sequence[str]] = []
        self._folder = folder
        self._processes = processes

    def run(self, command: Sequence[str]) -> None:
        self.ran.append(command)
        verb, name = command[4:6]
        if verb == "start":
            process = subprocess.Popen(["celery", "1000"], executable="/bin/sleep")
            self._processes.callback(process.wait)
            self._processes.callback(process.kill)
            eventually(Path(f"/proc/{process.pid}/cmdline").read_bytes)  # it has its name soon after it has begun
            (self._folder / f"{name}.pid").write_text(str(process.pid))


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[DaemonWorkers]:
    with ExitStack() as processes:
        made = DaemonWorkers(tmp_path / "var", os.environ, tmp_path)
        made._commands = FakeCommands(tmp_path / "var" / "scaled", processes)
        yield made


def test_a_worker_that_stops_does_so_whichever_family_is_looked_at_meanwhile(daemons: DaemonWorkers) -> None:
    daemons.change(**{**CHANGE, "step": 2})
    daemons.change(**{**CHANGE, "family": "trade", "queues": ["trade"]})
    daemons.change(**{**CHANGE, "step": -1})
    assert [daemons.own(family) for family in ("chat", "trade", "chat")] == [1, 1, 1]
    daemons.change(**CHANGE)
    ran = daemons._commands.ran  # type: ignore[attr-defined]
    assert [command[4:6] for command in ran[-2:]] == [["stop", "chat2"], ["start", "chat3"]]


def test_what_celery_multi_is_told_holds_nothing_of_the_folders_name(tmp_path: Path) -> None:
    home = tmp_path / "50%name of %h's"
    workers = DaemonWorkers(home / "var", os.environ, home, python=str(home / ".venv" / "bin" / "python"))
    with ExitStack() as processes:
        workers._commands = ran = FakeCommands(home / "var" / "scaled", processes)
        workers.change(**CHANGE)
    ((python, *words),) = ran.ran
    assert python == ".venv/bin/python"
    assert {word for word in words if "/" in word} == {
        "--pidfile=var/scaled/%n.pid",
        "--logfile=var/log/worker-%n.log",
        "--executable=.venv/bin/python",
    }


@pytest.mark.parametrize("folder", ["50%name", "of ours", "it's"])
def test_a_python_that_celery_multi_does_not_find_is_a_sentence(folder: str, tmp_path: Path) -> None:
    with pytest.raises(GameError, match=r"celery multi can't start .*: use --by supervisor"):
        DaemonWorkers(tmp_path / "var", os.environ, tmp_path, python=str(tmp_path / folder / "python"))
