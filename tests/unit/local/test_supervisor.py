import configparser
import os
import shlex
import signal
import stat

import pytest

from gameserver.local.plan import Program
from gameserver.local.supervisor import Stop, Supervisor, render, stoppable


def rendered(tmp_path, *programs):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(render(programs, tmp_path, tmp_path / "supervisor.sock", tmp_path))
    return parser


def test_a_program_is_restarted_but_started_only_by_us(tmp_path):
    sections = rendered(tmp_path, Program(name="part", command=("run", "it"), stage=2, stop_s_max=7))
    section = sections["program:part"]
    assert section["autorestart"] == "true"
    assert section["autostart"] == "false"
    assert section["stopwaitsecs"] == "7"
    assert section["killasgroup"] == "true"


def test_programs_of_a_stage_are_stopped_together_before_those_of_the_stage_below(tmp_path):
    stages = {"broker": 1, "worker": 2, "beat": 2, "gateway": 3}
    sections = rendered(tmp_path, *(Program(name=name, command=("run",), stage=n) for name, n in stages.items()))
    groups = {name: section for name, section in sections.items() if name.startswith("group:")}
    assert [group["programs"] for group in groups.values()] == ["broker", "worker,beat", "gateway"]
    assert [group["priority"] for group in groups.values()] == ["1", "2", "3"]


def test_commands_and_values_keep_their_spaces_and_percent_signs(tmp_path):
    program = Program(name="part", command=("run", "two words", "a@%h"), stage=0, environment={"ARGS": "{1,2} 50%"})
    section = rendered(tmp_path, program)["program:part"]
    assert shlex.split(section["command"])[-3:] == ["run", "two words", "a@%%h"]
    assert section["environment"] == 'ARGS="{1,2} 50%%"'


def test_a_program_ends_when_supervisord_does(tmp_path):
    section = rendered(tmp_path, Program(name="part", command=("run",), stage=0))["program:part"]
    assert section["command"].startswith("setpriv --pdeathsig TERM ")


def test_the_control_socket_is_private(tmp_path):
    assert rendered(tmp_path)["unix_http_server"]["chmod"] == "0700"


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
