"""A socket of a browser's: pages first, and then a connection like any other."""

import http.client
import io
from typing import Any

import msgspec
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gameserver.messages.outbound import SessionUpdate
from gameserver.wire.codecs import subprotocols
from gameserver.wire.websocket import Opcode, farewell, frame
from gateway.net.client_socket import ConnectionLimiter
from gateway.net.web_protocol import WebFactory
from gateway.web.site import SAFETY, Site
from tests.unit.gateway.fakes import Stage
from tests.unit.wire.test_websocket import masked

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)


class Web:
    """Sockets of browsers at a hub without a network."""

    def __init__(self, **limits: float) -> None:
        self.stage = Stage(**limits)
        self.limiter = ConnectionLimiter(self.stage.limits)

    def connect(self, *, introduced: bool = False) -> Any:
        factory = WebFactory(
            self.stage.hub,
            self.limiter,
            introduced=introduced,
            pages=Site(),
            origins=(),
            clock=self.stage.clock,
            idle_s=30.0,
        )
        protocol = factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 1))
        protocol.makeConnection(StringTransport())
        return protocol

    def websocket(self, subprotocol: bytes = b"") -> Any:
        protocol = self.connect()
        named = b"Sec-WebSocket-Protocol: %s\r\n" % subprotocol if subprotocol else b""
        protocol.dataReceived(UPGRADE % (b"/socket", named))
        assert protocol.transport.value().startswith(b"HTTP/1.1 101 ")
        protocol.transport.clear()
        return protocol


@pytest.fixture
def web() -> Web:
    return Web()


def answers(protocol: Any) -> list[tuple[int, dict[str, str], bytes]]:
    """The responses that were written."""
    stream = io.BytesIO(protocol.transport.value())
    found = []
    while stream.tell() < len(stream.getvalue()):
        response = http.client.HTTPResponse(_Socket(stream), method="GET")  # type: ignore[arg-type]
        response.begin()
        found.append((response.status, dict(response.getheaders()), response.read()))
    return found


class _Socket:
    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> Any:
        return _Left(self._stream)


class _Left:
    """A stream that stays open for the next response."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Keep it open."""


def told(protocol: Any, web: Web) -> list[dict[str, Any]]:
    """The packets in JSON that were written."""
    web.stage.clock.advance(0.1)
    data, packets = protocol.transport.value(), []
    while data and data[0] == 0x81:
        start = 4 if data[1] == 126 else 2
        size = int.from_bytes(data[2:4], "big") if data[1] == 126 else data[1]
        packets.append(msgspec.json.decode(data[start : start + size]))
        data = data[start + size :]
    return packets


def test_pages_are_served_one_after_another_on_one_socket(web: Web):
    protocol = web.connect()
    protocol.dataReceived(GET % b"/" + GET % b"/gameserver-client/package.json")
    (first, headers, body), (second, _, _) = answers(protocol)
    assert (first, second) == (200, 200)
    assert b"<!doctype html>" in body
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers.items() >= SAFETY.items()
    assert not protocol.transport.disconnecting
    assert web.stage.hub.connections == []


def test_the_page_is_called_as_the_game_is():
    served = Site(title="Wind & Wave")._pages["/"].body
    assert b"<title>Wind &amp; Wave</title>" in served
    assert b"{{" not in served


def test_a_page_that_the_browser_has_is_not_sent_again(web: Web):
    protocol = web.connect()
    protocol.dataReceived(GET % b"/")
    ((_, headers, _),) = answers(protocol)
    protocol.transport.clear()
    etag = headers["ETag"].encode()
    protocol.dataReceived((GET % b"/")[:-2] + b'If-None-Match: "x", %s\r\n\r\n' % etag.removeprefix(b"W/"))
    assert protocol.transport.value().startswith(b"HTTP/1.1 304 ")
    assert b"<!doctype html>" not in protocol.transport.value()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (GET % b"/../service.py", 404),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (UPGRADE % (b"/", b""), 404),
        (UPGRADE % (b"/socket", b"Origin: http://evil.example\r\n"), 403),
    ],
)
def test_what_is_refused_is_answered_and_closed(web: Web, asked: bytes, status: int):
    protocol = web.connect()
    protocol.dataReceived(asked)
    protocol.dataReceived(GET % b"/")
    ((found, _, _),) = answers(protocol)
    assert found == status
    assert protocol.transport.disconnecting
    assert web.stage.hub.connections == []


def test_a_websocket_speaks_json_unless_it_asks_for_another(web: Web):
    protocol = web.websocket()
    protocol.dataReceived(masked(0x81, b'{"type":"hello","protocol":1}'))
    (welcome,) = told(protocol, web)
    assert welcome["type"] == "welcome"
    other = web.websocket(b"gameserver.msgpack")
    other.dataReceived(masked(0x82, msgspec.msgpack.encode({"type": "ping", "t": 7})))
    web.stage.clock.advance(0.1)
    assert other.transport.value() == frame(Opcode.BINARY, msgspec.msgpack.encode({"type": "pong", "t": 7}))


def test_what_came_with_the_handshake_is_not_lost(web: Web):
    protocol = web.connect()
    protocol.dataReceived(UPGRADE % (b"/socket", b"") + masked(0x81, b'{"type":"ping","t":3}'))
    web.stage.clock.advance(0.1)
    assert protocol.transport.value().endswith(frame(Opcode.TEXT, b'{"type":"pong","t":3}'))


def test_all_who_watch_a_topic_are_written_the_same_bytes_framed_once(web: Web, monkeypatch: pytest.MonkeyPatch):
    players = [web.websocket() for _ in range(5)]
    for n, protocol in enumerate(players):
        enter(web, protocol, f"ada{n}")
    codec = subprotocols()["gameserver.json"]
    framed: list[bytes] = []
    plain = codec.frame
    monkeypatch.setattr(codec, "frame", lambda packed: framed.append(packed) or plain(packed))
    web.stage.dispatch("zone.town", type="heard", how="shout", by="Bob", text="hi", at_ms=1)
    web.stage.clock.advance(0.1)
    assert len(framed) == 1
    assert {protocol.transport.value() for protocol in players} == {plain(framed[0])}


def enter(web: Web, protocol: Any, name: str) -> None:
    """Say hello, log in, and be let in."""
    protocol.dataReceived(masked(0x81, b'{"type":"hello","protocol":1}'))
    login = {"type": "login", "name": name, "password": "a long secret", "seq": 1}
    protocol.dataReceived(masked(0x81, msgspec.json.encode(login)))
    web.stage.clock.advance(0.1)
    (task,) = web.stage.broker.take("login")
    follow = SessionUpdate(session=protocol.connection.id, player=name, watch={"view": ("zone.town",)})
    web.stage.answer(task, follow=follow)
    web.stage.clock.advance(0.1)
    protocol.transport.clear()


def test_a_goodbye_is_followed_by_a_close_frame_and_nothing_else(web: Web):
    protocol = web.websocket()
    enter(web, protocol, "ada")
    protocol.dataReceived(masked(0x81, b"x" * 9_000))
    (bye,) = told(protocol, web)
    assert bye["code"] == "frame_too_large"
    assert protocol.transport.value().endswith(farewell("frame_too_large"))
    assert protocol.transport.disconnecting
    protocol.connection.outgoing.put(b"more")
    protocol.connection.outgoing.flush()
    assert protocol.transport.value().endswith(farewell("frame_too_large"))


def test_a_client_that_closes_is_closed_with(web: Web):
    protocol = web.websocket()
    protocol.dataReceived(masked(0x88, b"\x03\xe8"))
    assert protocol.transport.value() == farewell("")
    assert protocol.transport.disconnecting
    protocol.connectionLost(Failure(ConnectionDone()))
    assert web.stage.hub.meters.disconnects["hung_up"] == 1
    assert web.limiter.inside == 0


def test_who_asks_for_nothing_is_cut_off_and_who_plays_is_not(web: Web):
    idle, asking, playing = web.connect(), web.connect(), web.websocket()
    web.stage.clock.advance(20)
    asking.dataReceived(GET % b"/")
    web.stage.clock.advance(20)
    assert [one.transport.disconnected for one in (idle, asking, playing)] == [True, False, False]
    for one in (idle, asking, playing):
        one.connectionLost(Failure(ConnectionDone()))
    assert web.limiter.inside == 0
    assert [call for call in web.stage.clock.getDelayedCalls() if call.getTime() > web.stage.clock.seconds() + 5] == []


def test_a_browser_that_does_not_read_is_read_no_more_until_it_does(web: Web):
    protocol = web.connect()
    protocol.pauseProducing()
    assert protocol.transport.producerState == "paused"
    protocol.dataReceived(GET % b"/" * 2)
    assert protocol.transport.value() == b""
    protocol.resumeProducing()
    assert protocol.transport.producerState == "producing"
    assert len(answers(protocol)) == 2


def test_a_player_who_does_not_read_is_not_written_to(web: Web):
    protocol = web.websocket()
    protocol.pauseProducing()
    protocol.dataReceived(masked(0x81, b'{"type":"hello","protocol":1}'))
    assert told(protocol, web) == []
    protocol.resumeProducing()
    assert [packet["type"] for packet in told(protocol, web)] == ["welcome"]


def test_behind_a_load_balancer_the_clients_own_address_counts():
    web = Web(connections_max=3, connections_per_address_max=1)
    first, second = web.connect(introduced=True), web.connect(introduced=True)
    for protocol in (first, second):
        protocol.dataReceived(b"PROXY TCP4 10.7.7.7 10.9.9.9 1234 4080\r\n" + GET % b"/")
    assert len(answers(first)) == 1
    assert second.transport.disconnected


POST = b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
HERE, ELSEWHERE = b"Origin: http://localhost\r\n", b"Origin: http://evil.example\r\n"


def test_what_a_page_may_have_done_no_page_of_others_may(web: Web):
    done: list[str] = []
    site = Site({}, {"/act": lambda: done.append("it") or "Done."})
    asked = [(b"/act", HERE), (b"/act", ELSEWHERE), (b"/act", b""), (b"/other", HERE)]
    statuses = []
    for path, origin in asked:
        protocol = web.connect()
        protocol._pages = site
        protocol.dataReceived(POST % (path, origin))
        statuses.append(answers(protocol)[0][0])
    assert statuses == [200, 403, 403, 405]
    assert done == ["it"]


@pytest.mark.parametrize(
    ("host", "status"),
    [(b"localhost", 200), (b"127.0.0.1:4080", 200), (b"[::1]:4080", 200), (b"rebound.example", 403), (b"[", 403)],
)
def test_no_name_that_somebody_gave_this_machine_has_a_page_do_anything(web: Web, host: bytes, status: int):
    protocol = web.connect()
    protocol._pages = Site({}, {"/act": lambda: "Done."})
    protocol.dataReceived(b"POST /act HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\n\r\n" % (host, host))
    assert answers(protocol)[0][0] == status


def test_an_origin_that_is_none_is_refused(web: Web):
    protocol = web.connect()
    protocol.dataReceived(UPGRADE % (b"/socket", b"Origin: http://[\r\n"))
    assert protocol.transport.value().startswith(b"HTTP/1.1 403 ")


def test_who_asks_for_no_upgrade_of_the_socket_is_told_that_it_is_one(web: Web):
    protocol = web.connect()
    protocol.dataReceived(GET % b"/socket")
    assert protocol.transport.value().startswith(b"HTTP/1.1 426 ")
    assert b"Upgrade: websocket" in protocol.transport.value()


def test_who_asks_for_the_head_of_what_is_not_there_gets_no_body(web: Web):
    protocol = web.connect()
    protocol.dataReceived(b"HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert protocol.transport.value().startswith(b"HTTP/1.1 404 ")
    assert protocol.transport.value().endswith(b"\r\n\r\n")
