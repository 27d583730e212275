import configparser
import json
import os
import shlex
import signal
import stat
import subprocess
import sys

import pytest

from gameserver.local.plan import Program
from gameserver.local.processes import tethered
from gameserver.local.supervisor import Stop, Supervisor, free_text, render, stoppable


def rendered(*programs):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(render(programs))
    return parser


def test_a_program_is_restarted_but_started_only_by_us(tmp_path):
    sections = rendered(Program(name="part", command=("run", "it"), stage=2, stop_s_max=7))
    section = sections["program:part"]
    assert section["autorestart"] == "true"
    assert section["autostart"] == "false"
    assert section["stopwaitsecs"] == "7"
    assert section["killasgroup"] == "true"


def test_programs_of_a_stage_are_stopped_together_before_those_of_the_stage_below(tmp_path):
    stages = {"broker": 1, "worker": 2, "beat": 2, "gateway": 3}
    sections = rendered(*(Program(name=name, command=("run",), stage=n) for name, n in stages.items()))
    groups = {name: section for name, section in sections.items() if name.startswith("group:")}
    assert [group["programs"] for group in groups.values()] == ["broker", "worker,beat", "gateway"]
    assert [group["priority"] for group in groups.values()] == ["1", "2", "3"]


def as_supervisord_reads(folder, told):
    """Its own parser, its own expansions: the command, the directory, the log and the socket."""
    read = (
        "import json, sys; from supervisor.options import ServerOptions; options = ServerOptions();"
        "options.realize(['-n', '-c', 'supervisord.conf']); (group,) = options.process_group_configs;"
        "(part,) = group.process_configs;"
        "print(json.dumps([part.command, part.directory, part.stdout_logfile, options.configroot.supervisord"
        ".server_configs[0]['file']]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", read], cwd=folder, env={**os.environ, **told}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("odd", ["two words", "a@%h", "50% #1", "x ;y", "it's", '"q"', "back\\slash"])
def test_supervisord_starts_what_it_is_told_whatever_it_is_called(tmp_path, odd):
    """Read as supervisord reads it: its own parser, its own expansions."""
    folder = tmp_path / odd
    (folder / "log").mkdir(parents=True)
    program = Program(name="part", command=(f"{folder}/run", odd), stage=0, environment={"ARGS": odd})
    (folder / "supervisord.conf").write_text(render([program]))
    told = free_text([program], folder / "supervisor.sock", folder)
    command, directory, log, socket = as_supervisord_reads(folder, told)
    assert shlex.split(command) == [*tethered(()), "env", f"ARGS={odd}", f"{folder}/run", odd]
    assert (directory, socket) == (str(folder), str(folder / "supervisor.sock"))
    assert (folder / log).resolve() == folder / "log" / "part.log"


def test_a_late_program_changes_no_group_that_is_there_and_stops_with_its_stage():
    first = Program(name="worker", command=("run",), stage=2)
    late = Program(name="another", command=(sys.executable, "-m", "run"), stage=2, late=True)
    before, after = rendered(first), rendered(first, late)
    assert after["group:stage2"] == before["group:stage2"]
    assert dict(after["group:late-another"]) == {"programs": "another", "priority": "2"}


def test_a_late_program_needs_nothing_that_supervisord_was_not_told_when_it_began(tmp_path):
    (tmp_path / "log").mkdir()
    late = Program(name="part", command=(sys.executable, "-m", "run", "a@%h"), stage=2, late=True)
    (tmp_path / "supervisord.conf").write_text(render([late]))
    told = free_text([], tmp_path / "supervisor.sock", tmp_path)
    command, *_ = as_supervisord_reads(tmp_path, told)
    assert shlex.split(command) == [*tethered(()), sys.executable, "-m", "run", "a@%h"]


def test_a_program_ends_when_supervisord_does(tmp_path):
    part = Program(name="part", command=("run",), stage=0)
    told = free_text([part], tmp_path / "supervisor.sock", tmp_path)
    assert told["SUPERVISED_part"] == "setpriv --pdeathsig TERM run"


def test_the_control_socket_is_private(tmp_path):
    assert rendered()["unix_http_server"]["chmod"] == "0700"


def test_a_checkout_too_deep_for_a_socket_gets_one_elsewhere_for_the_time(tmp_path):
    deep = tmp_path / ("d" * 100)
    supervisor = Supervisor([], folder=deep, cwd=tmp_path, environ={})
    socket = supervisor._socket
    assert len(os.fsencode(socket)) < 100
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    supervisor.stop()
    assert not socket.parent.exists()


def stopped_twice(number):
    with stoppable():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_the_second_changes_nothing(number):
    before = signal.getsignal(number)
    with pytest.raises(Stop):
        stopped_twice(number)
    assert signal.getsignal(number) == before
