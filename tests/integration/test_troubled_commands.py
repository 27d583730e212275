"""Commands whose broker or database is not as it should be: each ends in bounded time, with one sentence, status 1."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from urllib.parse import urlsplit

import pika
import pytest

from gameserver.broker.handshake import HUNG_UP, NO_TLS
from gameserver.broker.topology import topology
from gameserver.cli import main
from gameserver.testing.deployment import Deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import UP_S_MAX, Proc, eventually
from gameserver.testing.proxy import Proxy
from gameserver.testing.rabbitmq_node import RunningNode
from tests.amqp import parameters
from tests.deployments import FAMILIES
from tests.operators import alarm

ASKING = (["status"], ["advise"], ["trace", "tick:1"], ["tail", "--count", "1"], ["queues"], ["declare"])
PUBLISHING = (["status"], ["advise"], ["trace", "tick:1"], ["tail", "--count", "1"])


@pytest.fixture
def as_operator(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give commands of this process the environment of an operator's shell."""
    for name, value in deployment.environ.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def _ends_in_a_sentence(command: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    status = main(command)
    said = capsys.readouterr().err
    assert (status, said.count("\n")) == (1, 1), f"{command}: {status}\n{said}"
    assert said.startswith("gameserver: "), said
    assert words in said, f"{command}: {said}"


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_broker_that_does_not_let_in_is_named(
    command: list[str], deployment: Deployment, as_operator: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = urlsplit(deployment.amqp_url)
    (port,) = free_ports(1)
    for given, words in (
        (deployment.amqp_url.replace(f":{url.password}@", ":wrong@"), "refuses the user of AMQP_URL"),
        (deployment.amqp_url.replace(url.path, "/nowhere"), "AMQP_URL names"),
        (f"amqp://127.0.0.1:{port}//", "does not answer"),
        (deployment.amqp_url.replace("amqp:", "amqps:"), NO_TLS),
    ):
        as_operator.setenv("AMQP_URL", given)
        _ends_in_a_sentence(command, words, capsys)


class Stranger:
    """Something that listens where a broker was looked for, and does one thing with whoever comes."""

    def __init__(self, greet: Callable[[socket.socket], object]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._greet = greet
        self._guests: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                guest, _ = self._listening.accept()
                self._guests.append(guest)
                with suppress(OSError):
                    self._greet(guest)

    def close(self) -> None:
        for each in (self._listening, *self._guests):
            each.close()


def _hang_up(guest: socket.socket) -> None:
    guest.recv(8)
    guest.close()


def _warn(guest: socket.socket) -> None:
    """Do as a port of TLS does to whom speaks none."""
    guest.recv(8)
    guest.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
    guest.close()


STRANGERS = {
    "that is mute": (lambda _: None, "amqp", "timed out"),
    "that hangs up": (_hang_up, "amqp", HUNG_UP),
    "of TLS": (_warn, "amqp", HUNG_UP),
    "that is mute, with TLS": (lambda _: None, "amqps", "timed out"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_port_that_is_no_brokers_is_named(
    name: str, as_operator: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All commands connect in one way (the test above asks each): one of them is asked."""
    greet, scheme, words = STRANGERS[name]
    with closing(Stranger(greet)) as stranger:
        as_operator.setenv("AMQP_URL", f"{scheme}://game:secret@127.0.0.1:{stranger.port}//")
        _ends_in_a_sentence(["queues"], words, capsys)


def test_a_queue_with_other_arguments_is_named(
    deployment: Deployment, as_operator: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = next(
        queue
        for queue in topology(deployment.settings.limits, deployment.settings.queues).queues
        if queue.name != "dead"
    )
    with pika.BlockingConnection(parameters(deployment.amqp_url)) as connection:
        connection.channel().queue_declare(queue.name, durable=True)
    _ends_in_a_sentence(["declare"], "other arguments", capsys)


def test_an_alarm_that_blocks_publishers_is_named(
    deployment: Deployment,
    private_node: RunningNode,
    as_operator: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["declare"]) == 0
    with alarm(private_node):
        for command in PUBLISHING:
            _ends_in_a_sentence(command, "short of memory or disk", capsys)
        assert main(["queues"]) == 0  # it publishes nothing, and shows what waits
    assert main(["status"]) == 0


@contextmanager
def frozen(node: RunningNode) -> Iterator[None]:
    """Let the broker answer nothing within the block, and keep its connections."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


@pytest.mark.parametrize("command", [*ASKING, ["queues", "--drain"], ["catalogue", "diff", "--running"]], ids=" ".join)
@pytest.mark.timeout(90)
def test_a_broker_that_is_frozen_is_named_in_time(
    command: list[str],
    deployment: Deployment,
    private_node: RunningNode,
    as_operator: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    with frozen(private_node):
        status = main(command)
    said = capsys.readouterr().err
    assert status != 0
    assert "The broker does not answer" in said, said


@pytest.mark.timeout(90)
def test_a_broker_that_freezes_ends_a_tail(
    deployment: Deployment, private_node: RunningNode, as_operator: pytest.MonkeyPatch
) -> None:
    """Nothing goes by any more, which alone would be no reason to end."""
    assert main(["declare"]) == 0
    tailing = Proc("tail", (sys.executable, "-m", "gameserver", "tail"), deployment.environ, deployment.folder / "tail")
    with ExitStack() as ending, pika.BlockingConnection(parameters(deployment.amqp_url)) as connection:
        ending.callback(tailing.end)
        channel = connection.channel()

        def shows_what_goes_by() -> bool:
            channel.basic_publish("events", "chat", b"no event")
            return "unreadable" in tailing.text

        eventually(shows_what_goes_by, lambda: tailing.tail, UP_S_MAX)
        with frozen(private_node):
            assert tailing.wait(60) == 1
        assert "gameserver: The broker does not answer" in tailing.text


@pytest.mark.timeout(90)
def test_queues_are_shown_in_time_over_a_long_line(
    deployment: Deployment,
    private_node: RunningNode,
    as_operator: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a command asks for takes its time, each; it ends with a sentence when that is more than it may."""
    split = {"GAMESERVER_SPLIT_QUEUES": "chat:3,trade.give:2", "GAMESERVER_OWN_QUEUES": "trade.give"}
    for name, value in split.items():
        as_operator.setenv(name, value)
    assert main(["declare"]) == 0
    for name in split:
        as_operator.delenv(name)
    line = Proxy(private_node.node_port, delay_s=0.05)
    with ExitStack() as ending:
        ending.callback(line.stop)
        as_operator.setenv("AMQP_URL", deployment.amqp_url.replace(f":{private_node.node_port}/", f":{line.port}/"))
        assert main(["queues"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [each.split()[0] for each in shown if "named by no setting" in each] == [
        "chat.1",
        "chat.2",
        "trade.give",
        "trade.give.1",
    ]
    assert {each.split()[0] for each in shown} >= set(FAMILIES)


@pytest.mark.parametrize(
    "command", [["migrate"], ["dead", "list"], ["copy", "--to", "sqlite:///copied.sqlite"]], ids=" ".join
)
def test_a_database_that_is_away_is_named(
    command: list[str], as_operator: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    as_operator.setenv("DATABASE_URL", f"postgresql://nobody@127.0.0.1:{port}/nothing")
    capsys.readouterr()
    assert main(command) == 1
    assert "The database did not answer" in capsys.readouterr().err


def test_what_a_terminal_cannot_show_is_a_question_mark(as_operator: pytest.MonkeyPatch) -> None:
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    as_operator.setattr(sys, "stdout", shown)
    assert main(["catalogue", "export"]) in (0, 1)
    print("✓", file=shown, flush=True)
    assert shown.buffer.getvalue().endswith(b"?\n")  # type: ignore[attr-defined]


def test_a_reader_that_had_enough_ends_a_command_quietly(deployment: Deployment) -> None:
    command = [sys.executable, "-m", "gameserver", "catalogue", "export"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(command, env=deployment.environ, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
