"""A run of tests that leaves processes and temporary files, and one that is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameserver.local.processes import wait_for
from gameserver.testing.run_guard import MARK, PYTEST_FOLDERS, TEMPORARY, kill_marked, marked

ROOT = Path(__file__).parents[3]
A_TEST = """
import os, pathlib, subprocess, tempfile, time

def test_one():
    left = tempfile.mkdtemp()
    child = subprocess.Popen(["sh", "-c", "sleep 1001 & wait"], start_new_session=True)
    told = pathlib.Path({told!r})
    told.with_suffix(".new").write_text(f"{{left}} {{os.environ['TEST_RUN']}}")
    told.with_suffix(".new").rename(told)
    {then}
"""


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """The environment of a run that is nobody's."""
    known = {name: value for name, value in os.environ.items() if name not in (MARK, PYTEST_FOLDERS)}
    (tmp_path / "temporary").mkdir()
    return {**known, "PYTHONPATH": str(ROOT), TEMPORARY: str(tmp_path / "temporary")}


def a_run(tmp_path: Path, then: str) -> tuple[list[str], Path]:
    file = tmp_path / "test_one.py"
    file.write_text(A_TEST.format(told=str(tmp_path / "told"), then=then))
    plugins = ("-p", "gameserver.testing.plugin", "-p", "no:cacheprovider")
    return [sys.executable, "-m", "pytest", "-q", f"--rootdir={tmp_path}", *plugins, str(file)], tmp_path / "told"


def of_runs(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith("pytest-")]


def test_a_run_that_leaves_a_process_ends_it_names_it_and_fails(tmp_path: Path, alone: dict[str, str]) -> None:
    command, told = a_run(tmp_path, then="pass")
    done = subprocess.run(command, env=alone, cwd=tmp_path, capture_output=True, text=True, check=False)
    left, mark = told.read_text().split()
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "sleep 1001" in done.stdout
    assert marked(mark) == {}
    assert not Path(left).exists()
    assert of_runs(tmp_path / "temporary") == []


def test_a_run_that_is_killed_leaves_neither_processes_nor_files(tmp_path: Path, alone: dict[str, str]) -> None:
    command, told = a_run(tmp_path, then="time.sleep(1002)")
    with subprocess.Popen(command, env=alone, cwd=tmp_path, stdout=subprocess.DEVNULL) as run:
        assert wait_for(told.exists, 30)
        left, mark = told.read_text().split()
        assert len(marked(mark)) == 2  # the shell, and what it started
        run.send_signal(signal.SIGKILL)
    assert wait_for(lambda: not marked(mark), 10)
    assert wait_for(lambda: not Path(left).exists() and not of_runs(tmp_path / "temporary"), 10)


def test_a_run_within_a_run_leaves_all_to_the_outer_guard(tmp_path: Path, alone: dict[str, str]) -> None:
    command, told = a_run(tmp_path, then="child.kill()")
    outer = {**alone, MARK: "outer"}
    done = subprocess.run(command, env=outer, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told.read_text().split()[1] == "outer"
    for pid in marked("outer"):  # the shell's child
        os.kill(pid, signal.SIGKILL)


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1003"], env={**os.environ, MARK: "sleeper"}) as process:
        try:
            assert wait_for(lambda: process.pid in marked("sleeper"), 10)
            yield process
        finally:
            process.kill()


def test_what_does_not_die_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    struck: list[int] = []
    with sleeping() as one, monkeypatch.context() as patch:
        patch.setattr(os, "kill", lambda pid, _: struck.append(pid))
        kill_marked("sleeper", s_max=0.2)
        assert {*struck} == {one.pid}


def test_what_may_not_be_killed_is_left_and_the_others_die(monkeypatch: pytest.MonkeyPatch) -> None:
    kill = os.kill
    with sleeping() as spared, sleeping() as other, monkeypatch.context() as patch:

        def may_not(pid: int, number: int) -> None:
            if pid == spared.pid:
                raise PermissionError
            kill(pid, number)

        patch.setattr(os, "kill", may_not)
        kill_marked("sleeper")
        assert [*marked("sleeper")] == [spared.pid]
        assert other.wait() == -signal.SIGKILL
