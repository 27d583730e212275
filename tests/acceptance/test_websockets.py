"""Players who come in over WebSockets, on the port that serves the page, beside one who speaks lines over TCP."""

import http.client
import ssl
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import GatewayProc
from tests.balancer import a_balancer
from tests.deployments import write_world
from tests.secure import Authority
from tests.web_clients import WEB, WebSocketClient

ROOM = ("######", "#s.S.#", "#....#", "######")  # wherever one begins, both see each other walk
WAYS = {"e": (1, 0), "w": (-1, 0), "n": (0, -1), "s": (0, 1)}


@pytest.fixture
def gateways(deployment: Deployment, tmp_path: Path) -> list[GatewayProc]:
    """Two gateways of one machine, which share the port for browsers."""
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *ROOM))
    deployment.worker(name="all")
    first = deployment.gateway("first", env={"GAMESERVER_ENDPOINTS": WEB % "shared:0"})
    first.says("for browsers")
    second = deployment.gateway("second", env={"GAMESERVER_ENDPOINTS": WEB % f"shared:{first.web_port}"})
    second.says("for browsers")
    return [first, second]


def one_at(gateway: str, port: int, subprotocol: str) -> WebSocketClient:
    """A client of that gateway: the kernel deals connections out, so it may take some tries."""
    while True:
        client = WebSocketClient(port, subprotocol)
        if client.gateway == gateway:
            return client
        client.close()


@pytest.mark.parametrize("subprotocol", ["gameserver.json", "gameserver.msgpack"])
def test_a_player_comes_in_walks_is_seen_and_resumes_at_another_gateway(
    gateways: list[GatewayProc], subprotocol: str
) -> None:
    first, second = gateways
    port = first.web_port
    with LineClient(second.port) as bob:
        bob.register("Bob")
        ada = one_at(first.id, port, subprotocol)
        here = ada.register("Ada")
        bob.expect("appeared")
        for way, (dx, dy) in WAYS.items():
            walked = ada.ask("move", dir=way)
            if walked["type"] == "ok":
                assert walked["data"] == {"zone": here["zone"], "x": here["x"] + dx, "y": here["y"] + dy}
                assert bob.expect("moved", who="ada")["x"] == here["x"] + dx
                break
        bob.ask("say", text="hello \N{OWL}")
        assert ada.expect("heard")["text"] == "hello \N{OWL}"
        given = ada.ask("give", to="Bob", coins=7)
        first.kill()
        ada.expect_end()
        again = WebSocketClient(port, subprotocol)
        again.resume(ada.token, sent=ada.seq)
        again.send(type="give", to="Bob", coins=7, seq=ada.seq)
        assert again.reply(ada.seq)["data"] == given["data"]
        assert again.ask("purse")["data"]["coins"] == given["data"]["coins"]
        again.ask("logout")
        again.expect("bye", code="logged_out")
        again.expect_end()
        assert (again.socket.close_code, again.socket.close_reason) == (1000, "logged_out")


def test_one_port_serves_the_page_and_pages_of_others_may_not_connect(gateways: list[GatewayProc]) -> None:
    port = gateways[0].web_port
    assert [status_of(port, path) for path in ("/", "/nowhere")] == [200, 404]
    with pytest.raises(InvalidStatus, match="403"):
        WebSocketClient(port, origin="http://evil.example")
    WebSocketClient(port, origin=f"http://127.0.0.1:{port}").close()


def status_of(port: int, path: str) -> int:
    """How a request for a page is answered."""
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as asking:
        asking.request("GET", path)
        return asking.getresponse().status


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def secure(authority: Authority) -> str:
    cert, key, _ = authority.issue("localhost")
    return f"ssl:0:privateKey={key}:certKey={cert}"


def test_goodbyes_over_tls_end_the_connection_at_once(deployment: Deployment, authority: Authority) -> None:
    """Nobody waits until the client is overdue, which here is never."""
    endpoints = f"{secure(authority)}:interface=127.0.0.1 web:{secure(authority)}:interface=127.0.0.1"
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": endpoints, "GAMESERVER_CLOSE_TIMEOUT_S": "3600"})
    gateway.says("for browsers")
    with SecureLineClient(gateway.port, authority) as ada:
        ada.register("Ada")
        ada.ask("logout")
        ada.expect("bye", code="logged_out")
        ada.expect_end()
    bob = WebSocketClient(gateway.web_port, tls=authority.trust(), host="localhost")
    bob.register("Bob")
    bob.ask("logout")
    bob.expect("bye", code="logged_out")
    bob.expect_end()
    assert bob.socket.close_code == 1000


class SecureLineClient(LineClient):
    """The same with TLS."""

    def __init__(self, port: int, authority: Authority) -> None:
        super().__init__(port, greet=False)
        context: ssl.SSLContext = authority.trust()
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self.send(type="hello", protocol=1)
        self.expect("welcome")


def test_pages_and_sockets_come_through_haproxy(deployment: Deployment, tmp_path: Path) -> None:
    endpoint = {"GAMESERVER_ENDPOINTS": "haproxy:tcp:0:interface=127.0.0.1 web:haproxy:tcp:0:interface=127.0.0.1"}
    deployment.worker(name="all")
    gateway = deployment.gateway(env=endpoint)
    gateway.says("for browsers")
    with a_balancer(tmp_path / "haproxy", [gateway.port] * 2, web=[gateway.web_port] * 2) as balancer:
        assert status_of(balancer.web_port, "/") == 200
        ada = WebSocketClient(balancer.web_port)
        ada.register("Ada")
        ada.ask("logout")
        ada.expect_end()
        assert ada.socket.close_code == 1000
