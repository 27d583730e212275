"""Turns at writing: one at a time, and who holds them too long is found by the entry that it left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.store.writer_lock import ENTRY, ENTRY_CHARS, HOLD_S_MAX, WriterLock, end_overdue_holder

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "game.db.lock"


def test_whose_turn_it_is_stands_in_the_file_and_nobody_afterwards(path: Path) -> None:
    lock = WriterLock(path)
    with lock.turn():
        pid, since_s = path.read_text().split()
        assert (int(pid), float(since_s) > 0) == (os.getpid(), True)
    assert path.read_text() == ""
    lock.close()


def test_nothing_is_left_of_the_entry_of_one_that_died_in_its_turn(path: Path) -> None:
    path.write_text(ENTRY.format(pid=4_194_304, since_s=9_999_999_999.123).ljust(ENTRY_CHARS))
    lock = WriterLock(path)
    with lock.turn():
        pid, since_s = path.read_text().split()
        assert (int(pid), float(since_s) < 9_999_999_999) == (os.getpid(), True)
    lock.close()


def test_a_turn_ends_however_its_work_does(path: Path) -> None:
    lock, other = WriterLock(path), WriterLock(path)
    with pytest.raises(ZeroDivisionError), lock.turn():
        raise ZeroDivisionError
    with other.turn():
        pass
    lock.close()
    other.close()


def test_without_a_file_every_turn_is_free() -> None:
    lock = WriterLock(None)
    with lock.turn(), lock.turn():
        pass
    lock.close()


@pytest.mark.parametrize(("held_s", "killed"), [(HOLD_S_MAX - 0.1, False), (HOLD_S_MAX + 0.1, True)])
def test_who_holds_a_turn_for_too_long_is_killed(held_s: float, killed: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        entry = ENTRY.format(pid=holder.pid, since_s=1000.0).ljust(ENTRY_CHARS)
        assert end_overdue_holder(entry, 1000.0 + held_s) == killed
        if not killed:
            assert holder.poll() is None
            holder.kill()
        assert holder.wait() == -9


@pytest.mark.parametrize("entry", ["", " " * ENTRY_CHARS])
def test_when_nobody_holds_it_nobody_is_killed(entry: str) -> None:
    assert not end_overdue_holder(entry, 1e9)
