"""The private node and the supervisor, with real processes. Stand-ins take the place of the game's own programs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPConnectionError

from gameserver.errors import Corrupt
from gameserver.local import plan
from gameserver.local.ports import LOCAL, accepts
from gameserver.local.processes import members, wait_for
from gameserver.testing.broker import Vhost, fresh_vhost, require_rabbitmq
from gameserver.testing.rabbitmq_node import RunningNode

WAIT_S_MAX = 60.0

# Runs a plan as `gameserver up` does; prints what `run` prints. Arguments: folder, [name, stage, environment,
# command...] as JSON, modules to preload.
PROGRAM = """
import json, os, sys
from pathlib import Path
from gameserver.local.plan import Program
from gameserver.local.supervisor import Stop, run, stoppable

folder, plan, preloaded = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
programs = [
    Program(name=name, stage=stage, environment=told, command=tuple(command)) for name, stage, told, *command in plan
]
given = {"folder": folder, "cwd": folder, "environ": os.environ, "where": "All is up.", "preloaded": preloaded}
try:
    with stoppable():
        sys.exit(run(programs, up_s_max=20, **given))
except Stop:
    sys.exit(0)
"""


# Writes down its pid and who imported the module, and has a child.
STAND_IN = """
import os, subprocess, sys, time
from pathlib import Path
import preloaded

name = sys.argv[1]
subprocess.Popen(["sleep", "1000"])
Path(f"{name}.imported_by").write_text(str(preloaded.PID))
Path(f"{name}.pid").write_text(str(os.getpid()))
time.sleep(1000)
"""


class StandIns:
    """Stand-in programs, supervised by a process of its own: shell scripts, or Python that shares a module."""

    def __init__(self, folder: Path, *programs: tuple[str, int, str]) -> None:
        folder.mkdir()
        self._start(folder, [(name, stage, {}, "sh", "-c", script) for name, stage, script in programs])

    @classmethod
    def of_python(cls, folder: Path, told: Mapping[str, Mapping[str, str]]) -> "StandIns":
        """One program for each name, that has this in its environment; a module is preloaded for all."""
        folder.mkdir()
        (folder / "preloaded.py").write_text("import os\nPID = os.getpid()\n")
        (folder / "stand_in.py").write_text(STAND_IN)
        made = cls.__new__(cls)
        plan = [(name, 1, told[name], sys.executable, "-m", "stand_in", name) for name in told]
        made._start(folder, plan, "preloaded")
        return made

    def _start(self, folder: Path, plan: Sequence[Sequence[object]], *preloaded: str) -> None:
        self.output = folder / "output"
        self.folder = folder
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(folder), json.dumps(plan), *preloaded],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)]), "PYTHONUTF8": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def wait_until_up(self) -> None:
        assert wait_for(lambda: self.says("All is up.") or self.process.poll() is not None, WAIT_S_MAX)
        assert self.says("All is up."), self.output.read_text()

    @property
    def supervisord(self) -> int:
        return int((self.folder / "supervisord.pid").read_text())

    def pid(self, name: str) -> int:
        """The pid that a stand-in has written down; 0 before."""
        return self.number(f"{name}.pid")

    def number(self, name: str) -> int:
        """What a stand-in has written into a file; 0 before."""
        file = self.folder / name
        return int(file.read_text() or 0) if file.is_file() else 0

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S_MAX)


@pytest.fixture
def stand_ins(tmp_path: Path) -> Iterator[StandIns]:
    """Two stand-ins, one with a child of its own; up."""
    patient = "echo $$ > patient.pid; exec sleep 1000"
    parent = "echo $$ > parent.pid; sleep 1000 & wait"
    made = StandIns(tmp_path / "server", ("patient", 0, patient), ("parent", 1, parent))
    try:
        made.wait_until_up()
        yield made
    finally:
        if made.process.poll() is None:
            made.process.terminate()
        made.process.wait(WAIT_S_MAX)


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[StandIns]:
    """Two Python programs that share a module, one of which has an environment of its own; up."""
    made = StandIns.of_python(tmp_path / "server", {"plain": {}, "special": {"ITS": "own"}})
    try:
        made.wait_until_up()
        assert wait_for(lambda: made.pid("plain") and made.pid("special"), WAIT_S_MAX)
        yield made
    finally:
        if made.process.poll() is None:
            made.process.terminate()
        made.process.wait(WAIT_S_MAX)


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[RunningNode]:
    """A node of this test's own, to be hurt."""
    require_rabbitmq()
    node = RunningNode.somewhere(tmp_path / "rabbitmq")
    try:
        node.start()
        node.wait_until_up()
        yield node
    finally:
        node.kill()
        node.stop()


@contextlib.contextmanager
def channel(url: str):
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        made = connection.channel()
        made.confirm_delivery()
        yield made


def publish(url: str, body: bytes) -> None:
    with channel(url) as open_channel:
        open_channel.queue_declare("kept", durable=True)
        open_channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def consume(url: str) -> bytes | None:
    with channel(url) as open_channel:
        _, _, body = open_channel.basic_get("kept", auto_ack=True)
        return body


def test_a_message_goes_in_and_out(vhost: Vhost):
    publish(vhost.url, b"hello")
    assert consume(vhost.url) == b"hello"
    assert consume(vhost.url) is None


def test_each_virtual_host_is_empty_at_first_and_gone_afterwards(private_node: RunningNode, module_vhost: Vhost):
    publish(module_vhost.url, b"elsewhere")
    with fresh_vhost(private_node) as fresh:
        publish(fresh.url, b"here")
        assert consume(fresh.url) == b"here"
        assert consume(fresh.url) is None
    with pytest.raises(AMQPConnectionError):
        consume(fresh.url)


def test_rabbitmqctl_speaks_to_our_node_and_reports_what_it_refuses(private_node: RunningNode, vhost: Vhost):
    assert vhost.name in private_node.ctl("list_vhosts", "--quiet")
    with pytest.raises(Corrupt, match="no-such-command"):
        private_node.ctl("no-such-command")


def test_a_vhost_that_the_broker_refuses_is_an_error(private_node: RunningNode):
    with pytest.raises(Corrupt, match="404"):
        private_node.delete_vhost("never-made")


def test_a_worker_counts_as_ready_when_its_queues_are_consumed(vhost: Vhost):
    assert not plan.why_unreachable(vhost.url)
    assert not plan.consumed(vhost.url, ["kept"])
    with channel(vhost.url) as consumer:
        consumer.queue_declare("kept", durable=True)
        assert not plan.consumed(vhost.url, ["kept"])
        consumer.basic_consume("kept", lambda *_: None)
        assert plan.consumed(vhost.url, ["kept"])
        assert not plan.consumed(vhost.url, ["kept", "other"])


def test_a_node_that_is_away_is_passed_over(vhost: Vhost):
    assert not plan.why_unreachable(f"amqp://127.0.0.1:1//;{vhost.url}")
    assert "does not answer" in plan.why_unreachable("amqp://127.0.0.1:1//;amqp://127.0.0.1:2//")
    assert "refuses the user" in plan.why_unreachable(re.sub("//.*@", "//nobody:x@", vhost.url))


def test_a_durable_message_survives_kill_9_and_stopping_leaves_no_process(own_node: RunningNode):
    publish(own_node.amqp_url(), b"still here")
    killed = own_node.pid
    own_node.kill()
    assert members(killed) == []
    assert not own_node.is_up()
    assert plan.why_unreachable(own_node.amqp_url())
    own_node.start()
    own_node.wait_until_up()
    assert consume(own_node.amqp_url()) == b"still here"
    sessions = [own_node.pid, own_node._epmd.pid]
    own_node.stop()
    assert [members(session) for session in sessions] == [[], []]
    assert not accepts(LOCAL, own_node.epmd_port)
    assert not accepts(LOCAL, own_node.node_port)


def test_a_node_that_cannot_start_is_reported_with_its_log_and_leaves_nothing(tmp_path: Path):
    require_rabbitmq()
    node = RunningNode.somewhere(tmp_path / "rabbitmq", {"no.such.setting": "1"})
    try:
        node.start()
        with pytest.raises(Corrupt, match=r"ended while it was starting(.|\n)*failed_to_prepare_configuration"):
            node.wait_until_up(WAIT_S_MAX)
    finally:
        node.stop()
    assert not accepts(LOCAL, node.epmd_port)


def test_a_killed_program_is_restarted(stand_ins: StandIns):
    before = stand_ins.pid("patient")
    os.kill(before, signal.SIGKILL)
    assert wait_for(lambda: stand_ins.pid("patient") not in (0, before), WAIT_S_MAX)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_and_leaves_no_process(stand_ins: StandIns, number: int):
    session = stand_ins.supervisord
    assert len(members(session)) == 4
    assert stand_ins.end(number) == 0
    assert members(session) == []
    assert stand_ins.says("no process is left")
    assert not list(stand_ins.folder.glob("supervisor.sock*"))


def test_nothing_stays_when_we_are_killed_ourselves(stand_ins: StandIns):
    session = stand_ins.supervisord
    stand_ins.end(signal.SIGKILL)
    # The child of a killed shell is nobody's any more: supervisord ends what it started.
    assert wait_for(
        lambda: not {stand_ins.pid("patient"), stand_ins.pid("parent"), session} & set(members(session)), 60
    )
    for orphan in members(session):
        os.kill(orphan, signal.SIGKILL)


def test_a_program_of_supervisord_ends_when_supervisord_is_killed_and_so_do_we(stand_ins: StandIns):
    session = stand_ins.supervisord
    os.kill(session, signal.SIGKILL)
    assert stand_ins.process.wait(WAIT_S_MAX) == 1
    assert stand_ins.says("supervisord ended by itself")
    assert members(session) == []


def test_a_program_that_keeps_dying_is_reported_with_its_log_and_nothing_stays(tmp_path: Path):
    made = StandIns(tmp_path / "server", ("patient", 0, "sleep 1000"), ("broken", 1, "echo my own fault; exit 3"))
    assert made.process.wait(WAIT_S_MAX) == 1
    assert made.says("patient")
    assert made.says("broken did not come up")
    assert made.says("    my own fault")
    assert not made.says("All is up.")
    assert not (tmp_path / "server" / "supervisord.pid").exists()


def test_programs_are_forks_with_what_supervisord_imported_but_for_those_with_settings_of_their_own(forks: StandIns):
    assert forks.number("plain.imported_by") == forks.supervisord
    assert forks.number("special.imported_by") == forks.pid("special")


def test_a_killed_fork_is_restarted(forks: StandIns):
    before = forks.pid("plain")
    os.kill(before, signal.SIGKILL)
    assert wait_for(lambda: forks.pid("plain") not in (0, before), WAIT_S_MAX)
    assert forks.number("plain.imported_by") == forks.supervisord


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_forks_and_leaves_no_process(forks: StandIns, number: int):
    session = forks.supervisord
    assert len(members(session)) == 5
    assert forks.end(number) == 0
    assert wait_for(lambda: members(session) == [], WAIT_S_MAX)
    assert not list(forks.folder.glob("supervisor.sock*"))


def test_forks_end_when_supervisord_is_killed(forks: StandIns):
    session = forks.supervisord
    os.kill(session, signal.SIGKILL)
    assert forks.process.wait(WAIT_S_MAX) == 1
    assert members(session) == []


def test_forks_end_when_we_are_killed_ourselves(forks: StandIns):
    session, ours = forks.supervisord, {forks.supervisord, forks.pid("plain"), forks.pid("special")}
    forks.end(signal.SIGKILL)
    assert wait_for(lambda: not ours & set(members(session)), WAIT_S_MAX)
    for orphan in members(session):
        os.kill(orphan, signal.SIGKILL)
