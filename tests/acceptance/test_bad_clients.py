"""Clients that are broken, hostile or asleep: each is dealt with, and an honest player beside them notices nothing."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from gameserver.limits import Limits
from gameserver.testing.deployment import Deployment, LiveDeployment, living
from gameserver.testing.line_client import LineClient
from gameserver.wire.frames import prefix
from tests.deployments import write_world

LOGIN_TIMEOUT_S = 3.0
PER_ADDRESS_MAX = 12
PACKETS_PER_S = 400
TIGHT = {
    "GAMESERVER_LOGIN_TIMEOUT_S": str(LOGIN_TIMEOUT_S),
    "GAMESERVER_CONNECTIONS_PER_ADDRESS_MAX": str(PER_ADDRESS_MAX),
    "GAMESERVER_PACKETS_PER_S": str(PACKETS_PER_S),
    "GAMESERVER_PACKETS_BURST": "400",
}
LATENCY_S_MAX = 2.0
POLL_S = 0.02
GROWTH_BYTES_MAX = 40 * 2**20
NAMES = iter(f"Guest{n}" for n in range(1000))


class Witness(threading.Thread):
    """An honest player: walks and pings all the time, and measures how long the answers take."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.answered = 0
        self.slowest_s = 0.0
        self.trouble: BaseException | None = None
        self._client = LineClient(port)
        self._client.register(next(NAMES))
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while not self._over.wait(0.1):
                began_s = time.monotonic()
                self._client.send(type="ping", t=self.answered + 1)
                self._client.expect("pong", t=self.answered + 1)
                answer = self._client.ask("move", dir="ew"[self.answered % 2])
                assert answer["type"] == "ok", f"step {self.answered + 1}: {answer}"
                self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
                self.answered += 1
                self._client.inbox.clear()
        except BaseException as trouble:  # told by whoever waits for us
            self.trouble = trouble

    def stop(self) -> None:
        seen = self.answered
        while self.is_alive() and self.answered < seen + 3 and self.trouble is None:
            time.sleep(POLL_S)  # it must still be served afterwards
        self._over.set()
        self.join(30)
        self._client.close()
        assert self.trouble is None, self.trouble
        assert self.slowest_s < LATENCY_S_MAX


@pytest.fixture(scope="module")
def tight(module_deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> LiveDeployment:
    """A deployment with a small open world, whose gateway has little patience."""
    world = write_world(tmp_path_factory.mktemp("world"), "#######", "#..s..#", "#######", safe=True)
    module_deployment.environ["GAMESERVER_WORLD"] = str(world)
    return living(module_deployment, TIGHT)


@pytest.fixture(autouse=True)
def witness(tight: LiveDeployment) -> Iterator[Witness]:
    """Somebody honest plays during every test, and must not notice."""
    made = Witness(tight.gateway.port)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def bad(tight: LiveDeployment) -> Iterator[LineClient]:
    """A client that has said hello and will say nothing good."""
    with LineClient(tight.gateway.port) as client:
        yield client


def stranger(tight: LiveDeployment) -> LineClient:
    return LineClient(tight.gateway.port, greet=False)


@pytest.mark.parametrize("data", [b"\xff\xfe\xfd" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" * 10])
def test_who_speaks_another_protocol_is_told_and_closed(tight: LiveDeployment, data: bytes):
    with stranger(tight) as client:
        client.raw(data)
        assert client.expect("bye")["code"] == "unknown_codec"
        client.expect_end()


def test_garbage_between_packets_is_refused_and_the_connection_goes_on(bad: LineClient):
    for line in (b"{{{{\n", b"\xff\xff\n", b"null\n", b'"text"\n', b"[" * 2_000 + b"\n", b'{"type":7}\n', b"{}\n"):
        bad.raw(line)
        assert bad.expect("error")["code"] == "bad_packet"
    bad.register(next(NAMES))


@pytest.mark.parametrize("data", [b'{"type":"' + b"x" * Limits().frame_bytes_max, prefix(b"")[:1] + b"\xff\xff\xff"])
def test_an_oversized_frame_is_told_and_closed_before_it_has_come(tight: LiveDeployment, data: bytes):
    with stranger(tight) as client:
        client.raw(data)
        if data.startswith(b"{"):
            assert client.expect("bye")["code"] == "frame_too_large"
            client.expect_end()
        else:
            _expect_binary_end(client, b"frame_too_large")


def _expect_binary_end(client: LineClient, text: bytes) -> None:
    received = b""
    while data := client._socket.recv(65_536):
        received += data
    assert text in received


def test_half_a_frame_and_then_silence_ends_with_the_time_for_the_login(tight: LiveDeployment):
    with stranger(tight) as client:
        began_s = time.monotonic()
        client.raw(prefix(b"x" * 100)[:20])
        _expect_binary_end(client, b"login_timeout")
        assert time.monotonic() - began_s >= LOGIN_TIMEOUT_S - 1


def test_who_connects_and_says_nothing_is_sent_away(tight: LiveDeployment):
    with stranger(tight) as client:
        assert client.expect("bye")["code"] == "login_timeout"
        client.expect_end()


def test_mistyped_fields_are_refused_by_number_and_the_next_event_is_served(bad: LineClient):
    bad.register(next(NAMES))
    wrong = [
        {"type": "move", "dir": "up"},
        {"type": "move", "dir": 7},
        {"type": "move"},
        {"type": "move", "dir": "n", "extra": 1},
        {"type": "say", "text": ""},
        {"type": "say", "text": "x" * 301},
        {"type": "say", "text": ["x"]},
        {"type": "whisper", "to": "../../etc", "text": "x"},
        {"type": "ack", "ids": "all"},
    ]
    for seq, packet in enumerate(wrong, start=100):
        bad.send(**packet, seq=seq)
        assert bad.reply(seq)["code"] == "bad_field"
    bad.seq = 200
    assert bad.ask("move", dir="e")["type"] == "ok"


def test_unknown_types_and_events_of_the_deployment_are_refused(bad: LineClient):
    bad.register(next(NAMES))
    for type_ in ("fly", "reward", "tick", "lost", "heartbeat", "ok", "bye", ""):
        assert bad.ask(type_)["code"] == "unknown_type"
    assert bad.ask("move", dir="e")["type"] == "ok"


def test_numbers_that_do_not_rise_are_refused(bad: LineClient):
    bad.register(next(NAMES))
    for seq in (1, 0.5, -1, 2**53, "7", None):
        bad.send(type="move", dir="e", seq=seq)
        assert bad.expect("error")["code"] in ("bad_seq", "bad_field")


def test_events_before_hello_and_before_the_login_are_refused(tight: LiveDeployment, bad: LineClient):
    for packet in ({"type": "move", "dir": "n"}, {"type": "say", "text": "x"}, {"type": "logout"}):
        bad.send(**packet)
        assert bad.expect("error")["code"] == "not_logged_in"
    with stranger(tight) as client:
        client.send(type="register", name=next(NAMES), password="a long secret")
        assert client.expect("error")["code"] == "not_greeted"
        client.send(type="hello", protocol=99)
        assert client.expect("bye")["code"] == "protocol_mismatch"
        client.expect_end()


def test_a_blast_of_packets_is_refused_and_ended(bad: LineClient):
    bad.register(next(NAMES))
    bad.raw(b'{"type":"ping"}\n' * 20_000)
    bad.expect("bye", code="flooding")
    bad.expect_end()
    assert {packet["code"] for packet in bad.saw("error")} == {"flooding"}


def test_a_flood_that_goes_on_is_ended_though_it_comes_in_small_pieces(bad: LineClient):
    bad.register(next(NAMES))
    began_s = time.monotonic()
    while not bad.closed and time.monotonic() < began_s + 3:
        bad.raw(b'{"type":"ping"}\n' * 50)  # some ten times of what is allowed
        bad.read_for(0.01)
    assert bad.closed


def test_a_flood_of_events_is_answered_busy_or_flooding_and_never_with_silence(bad: LineClient):
    bad.register(next(NAMES))
    seqs = range(10, 210)
    bad.raw(b"".join(b'{"type":"say","text":"spam","seq":%d}\n' % seq for seq in seqs))
    replies = [bad.reply(seq) for seq in seqs]
    assert {reply.get("code", "ok") for reply in replies} <= {"ok", "busy", "flooding"}
    assert replies[0]["type"] == "ok"


def test_one_connection_too_many_from_an_address_is_closed_and_room_is_made_when_others_go(tight: LiveDeployment):
    clients = []
    try:
        while len(clients) <= PER_ADDRESS_MAX:
            clients.append(stranger(tight))
            clients[-1].raw(b'{"type":"hello","protocol":1}\n')
            clients[-1].read_for(0.2)
            if clients[-1].closed:
                break
        assert len(clients) == PER_ADDRESS_MAX  # the witness has a place too
        assert all(client.saw("welcome") for client in clients[:-1])
    finally:
        for client in clients:
            client.close()
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        with stranger(tight) as client:
            client.raw(b'{"type":"hello","protocol":1}\n')
            client.read_for(0.5)
            if client.saw("welcome"):
                return
    raise AssertionError("no room was made")


def test_who_never_reads_costs_little_memory_and_is_cut_off(tight: LiveDeployment):
    gateway = tight.gateway
    owls = "\N{OWL}" * 300
    with LineClient(gateway.port, receive_bytes=4096) as sloth, LineClient(gateway.port) as talker:
        sloth.register(next(NAMES))
        talker.register(next(NAMES))
        talker.ask("join", channel="owls")
        before = gateway.rss_bytes
        for _ in range(70):  # 2,240 notices of 1.2 kB: some of them fit into the kernel's buffers, none is kept
            seqs = [talker.post("say", text=owls) for _ in range(32)]
            assert {talker.reply(seq)["type"] for seq in seqs} == {"ok"}
            talker.inbox.clear()
            time.sleep(32 / PACKETS_PER_S)  # a fast deployment would let the talker flood it
        seqs = [talker.post("talk", channel="owls", text=owls) for _ in range(50)]
        assert {talker.reply(seq).get("code", "ok") for seq in seqs} <= {"ok", "busy"}
        assert gateway.rss_bytes - before < GROWTH_BYTES_MAX
        for _ in range(400):  # each is answered with the channel's last lines: up to 60 kB that matter
            sloth.post("join", channel="owls")
            time.sleep(2 / PACKETS_PER_S)  # to be cut off for what it does not read, and not for flooding
        _expect_cut_off(sloth)
        assert gateway.rss_bytes - before < GROWTH_BYTES_MAX


def _expect_cut_off(client: LineClient) -> None:
    """The connection has ended, without a farewell: what waited for it was thrown away."""
    last = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client._socket.recv(65_536):
            last = data
    assert b'"bye"' not in last
