import os
import signal
import sys

from gameserver.local.processes import end, kill, members, spawn, tethered, wait_for


def start(tmp_path, *command):
    return spawn(command, environ=os.environ, log=tmp_path / "log")


def test_a_child_has_a_session_of_its_own_and_its_output_in_a_file(tmp_path):
    child = start(tmp_path, "sh", "-c", "echo heard; sleep 1000")
    assert wait_for(lambda: (tmp_path / "log").read_text() == "heard\n", 10)
    assert os.getsid(child.pid) == child.pid
    end(child, 10)
    assert child.returncode == -signal.SIGTERM


def test_ending_a_child_ends_what_it_left_behind_in_other_groups_too(tmp_path):
    behind = f"{sys.executable} -c 'import os, time; os.setpgid(0, 0); time.sleep(1000)'"
    child = start(tmp_path, "sh", "-c", f"{behind} & sleep 1000")
    assert wait_for(lambda: len(members(child.pid)) == 3, 10)
    end(child, 10)
    assert members(child.pid) == []


def test_a_child_that_will_not_stop_is_killed(tmp_path):
    child = start(tmp_path, "sh", "-c", "trap '' TERM; echo set; while :; do sleep 1; done")
    assert wait_for(lambda: "set" in (tmp_path / "log").read_text(), 10)
    end(child, 0.2)
    assert child.returncode == -signal.SIGKILL


def test_a_tethered_child_ends_with_whoever_started_it(tmp_path):
    file = tmp_path / "pid"
    tether = " ".join(tethered(("sh", "-c", f"'echo $$ > {file}; exec sleep 1000'")))
    parent = start(tmp_path, "sh", "-c", f"{tether} & wait")
    assert wait_for(lambda: file.is_file() and file.read_text().strip(), 10)
    pid = int(file.read_text())
    assert pid in members(parent.pid)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: pid not in members(parent.pid), 10)
    kill(parent)


def test_waiting_for_what_never_comes_ends_in_time():
    assert not wait_for(lambda: False, 0.1)
