"""Forks are made by a process of their own, of one thread: a test run has more."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.local import plan
from gameserver.local.forking import module_of
from gameserver.local.processes import members, tethered, wait_for
from tests.deployments import ROOT

WAIT_S_MAX = 20.0

# Imports a module, handles SIGTERM, forks a program of it and says its pid; then its status, or waits to be killed.
PARENT = """
import os, signal, sys, time
from pathlib import Path
from gameserver.local.forking import fork
from gameserver.local.processes import tethered
import preloaded

folder, *program = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: None)
kept = open(__file__ if "__file__" in globals() else os.devnull)
environ = {"TOLD": "yes", "PATH": os.environ["PATH"]}
child = fork(tethered((sys.executable, "-m", *program)), environ=environ, log=Path(folder, "log"), cwd=Path(folder))
print(child.pid, flush=True)
print(child.wait(), flush=True)
"""

PROGRAM = """
import atexit, json, os, sys, time
import preloaded
atexit.register(print, "at its end")
told = {
    "argv": sys.argv[1:], "environ": dict(os.environ), "cwd": os.getcwd(), "sid": os.getsid(0), "name": __name__,
    "shown": open("/proc/self/cmdline").read().rstrip("\\0"), "imported_by": preloaded.PID,
    "files": sorted(os.listdir("/proc/self/fd"))[:-1],
}
print(json.dumps(told))
if "wait" in sys.argv:
    time.sleep(1000)
sys.exit(int(sys.argv[1]) if sys.argv[1].isdecimal() else sys.argv[1])
"""


class Parent:
    """A process that forks one program."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (folder / "preloaded.py").write_text("import os\nPID = os.getpid()\n")
        (folder / "program.py").write_text(PROGRAM)
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(folder), "program", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.child = int(self.process.stdout.readline())

    def status(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def told(self) -> dict:
        assert wait_for(lambda: (self.folder / "log").exists() and "\n" in self.log(), WAIT_S_MAX)
        return json.loads(self.log().splitlines()[0])


@pytest.fixture
def start(tmp_path):
    made = []

    def parent(*arguments: str) -> Parent:
        made.append(Parent(tmp_path, *arguments))
        return made[-1]

    yield parent
    for each in made:
        each.process.kill()
        each.process.communicate()


def test_a_fork_is_a_program_like_any_other_but_for_what_its_parent_imported(start, tmp_path):
    parent = start("0", "one word")
    assert parent.status() == 0
    assert parent.told() == {
        "argv": ["0", "one word"],
        "environ": {"TOLD": "yes", "PATH": os.environ["PATH"]},
        "cwd": str(tmp_path),
        "sid": parent.child,
        "name": "__main__",
        "shown": f"{sys.executable} -m program 0 one word",
        "imported_by": parent.process.pid,
        "files": ["0", "1", "2"],
    }


@pytest.mark.parametrize("length", [10, 100, 1000])
def test_ps_shows_a_forks_own_command_however_long(start, length):
    parent = start("0", "x" * length)
    assert parent.told()["shown"].endswith("program 0 " + "x" * length)


@pytest.mark.parametrize(("given", "status"), [("0", 0), ("3", 3), ("a sentence", 1)])
def test_a_fork_ends_with_its_own_status(start, given, status):
    parent = start(given)
    assert parent.status() == status
    assert ("a sentence" in parent.log().splitlines()) == (status == 1)
    assert parent.log().splitlines()[-1] == "at its end"


def test_a_fork_takes_signals_as_a_new_program_does_and_not_as_its_parent(start):
    parent = start("0", "wait")
    parent.told()
    os.kill(parent.child, signal.SIGTERM)
    assert parent.status() == -signal.SIGTERM


def test_a_fork_ends_with_its_parent(start):
    parent = start("0", "wait")
    parent.told()
    parent.process.kill()
    assert wait_for(lambda: not members(parent.child), WAIT_S_MAX)


RECONFIGURING = """
import sys
sys.stdout.reconfigure(errors="replace")
print("done", *sys.argv[1:])
"""
# Prints to its file, has a pipe in the file's place, and runs a program as a fork would.
REDIRECTED = """
import os, sys
from gameserver.local import forking
print("the parent's", flush=True)
reader, writer = os.pipe()
os.dup2(writer, 1)
forking._status(["reconfiguring", "well"])
os.write(2, os.read(reader, 100))
"""


def test_a_fork_has_streams_of_its_own_files_and_may_change_them(tmp_path):
    (tmp_path / "reconfiguring.py").write_text(RECONFIGURING)
    with (tmp_path / "log").open("w") as log:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", REDIRECTED], cwd=tmp_path, env=environ, stdout=log, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr == "done well\n"


def test_only_modules_that_run_in_this_interpreter_are_forked():
    assert module_of(tethered((sys.executable, "-m", "celery", "-A", "tasks"))) == ("celery", "-A", "tasks")
    assert module_of(tethered((sys.executable, "script.py"))) == ()
    assert module_of(tethered(("sh", "-c", "true"))) == ()
    assert module_of((sys.executable, "-m", "celery")) == ()  # nothing would end it with its parent


def test_what_is_preloaded_makes_no_thread_no_file_and_no_reactor_that_forks_would_share(tmp_path):
    look = (
        "import os, sys, threading\n"
        "from importlib import import_module\n"
        "before = os.listdir('/proc/self/fd')\n"
        "[import_module(name) for name in sys.argv[1:]]\n"
        "files = os.listdir('/proc/self/fd')\n"
        "print(threading.active_count(), files == before, 'twisted.internet.reactor' in sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GAMESERVER_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", look, *plan.PRELOADED], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "True", "False"], done.stderr
