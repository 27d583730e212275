"""Two gateways behind a real HAProxy, with the configuration that the containers use."""

import asyncio
import re
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from gameserver.client import FOREVER, Client
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import GatewayProc, eventually
from tests.balancer import CONFIG, Balancer, a_balancer
from tests.deployments import ROOT
from tests.integration.scraped import scrape, targets, value
from tests.secure import Authority
from tests.terminals import ATerminal, enter, program

ENDPOINT = {"GAMESERVER_ENDPOINTS": "haproxy:tcp:0:interface=127.0.0.1"}
BOTH = {"GAMESERVER_ENDPOINTS": f"{ENDPOINT['GAMESERVER_ENDPOINTS']} telnet:haproxy:tcp:0:interface=127.0.0.1"}
PLAYERS = 8
PASSWORD = "a long secret"

Connect = Callable[[int, str], socket.socket]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect to a port from an address; connections stay until the test ends, or are cut off, be it at once."""
    with ExitStack() as opened:

        def connected(port: int, source: str) -> socket.socket:
            client = opened.enter_context(socket.socket())
            client.settimeout(20)
            client.bind((source, 0))
            with suppress(ConnectionResetError):  # HAProxy may cut it off before this process knows that it is made
                client.connect(("127.0.0.1", port))
            return client

        yield connected


@pytest.fixture
def gateways(deployment: Deployment) -> list[GatewayProc]:
    """Two gateways that hear from a load balancer who their clients are, and a world behind them."""
    deployment.beat()
    deployment.worker(name="all")
    return [deployment.gateway(name, env=ENDPOINT) for name in ("gateway1", "gateway2")]


def players(deployment: Deployment, gateway: GatewayProc) -> float:
    return value(scrape(targets(deployment, "gateway")[gateway.id]), "gameserver_players")


async def _play(deployment: Deployment, gateways: list[GatewayProc], balancer: Balancer) -> None:
    def connections() -> list[float]:
        return [players(deployment, gateway) for gateway in gateways]

    clients = [Client.connect("127.0.0.1", balancer.port, backoff=FOREVER) for _ in range(PLAYERS)]
    for n, client in enumerate(clients):
        await client.open()
        await client.register(f"player{n}", PASSWORD)
    assert await asyncio.to_thread(connections) == [PLAYERS / 2, PLAYERS / 2]
    under_way = [asyncio.ensure_future(client.send("shout", text="hello")) for client in clients]
    await asyncio.to_thread(gateways[0].kill)
    await asyncio.gather(*under_way)
    for _ in range(3):
        await asyncio.gather(*(client.send("shout", text="still here") for client in clients))
    assert sorted(client.reconnects > 0 for client in clients) == [False] * (PLAYERS // 2) + [True] * (PLAYERS // 2)
    assert players(deployment, gateways[1]) == PLAYERS
    for client in clients:
        await client.close()


def test_players_go_to_both_gateways_and_to_the_other_when_one_is_killed(
    deployment: Deployment, gateways: list[GatewayProc], tmp_path: Path
) -> None:
    with a_balancer(tmp_path / "haproxy", [gateway.port for gateway in gateways]) as balancer:
        asyncio.run(_play(deployment, gateways, balancer))
        where = f"127.0.0.1:{balancer.metrics_port}"
        down = {"server": "gateway1", "state": "DOWN"}
        eventually(lambda: value(scrape(where), "haproxy_server_status", **down) == 1, "HAProxy's metrics")


@pytest.mark.parametrize(("kind", "said"), [("port", b"welcome"), ("telnet_port", b"Your name")], ids=["tcp", "telnet"])
def test_connections_count_for_the_clients_address_and_not_for_the_balancers(
    deployment: Deployment, tmp_path: Path, connect: Connect, kind: str, said: bytes
) -> None:
    gateway = deployment.gateway("gateway1", env={**BOTH, "GAMESERVER_CONNECTIONS_PER_ADDRESS_MAX": "2"})
    gateway.says("for telnet")
    with a_balancer(tmp_path / "haproxy", [gateway.port] * 2, telnet=[gateway.telnet_port] * 2) as balancer:
        for host in ("127.0.0.5", "127.0.0.5", "127.0.0.6"):
            assert said in greet(connect(getattr(balancer, kind), host), said)
        third = connect(getattr(balancer, kind), "127.0.0.5")
        greet(third, b"more than that")  # returns at the end: it is cut off, greeted or not


def test_who_says_nothing_counts_for_his_address_too(deployment: Deployment, tmp_path: Path, connect: Connect) -> None:
    gateway = deployment.gateway("gateway1", env=ENDPOINT)  # its limit is far away, and it hears of no silent client
    with a_balancer(tmp_path / "haproxy", [gateway.port, gateway.port], per_address=2) as balancer:
        silent = [connect(balancer.port, "127.0.0.5") for _ in range(3)]
        eventually(lambda: select.select(silent, [], [], 0)[0], "one cut off")  # any: HAProxy has threads
        assert b"welcome" in greet(connect(balancer.port, "127.0.0.6"))


def test_people_on_telnet_come_in_and_resume_on_the_other_gateway(deployment: Deployment, tmp_path: Path) -> None:
    deployment.worker(name="all")
    both = [deployment.gateway(name, env=BOTH) for name in ("gateway1", "gateway2")]
    for gateway in both:
        gateway.says("for telnet")
    ports = [[getattr(gateway, kind) for gateway in both] for kind in ("port", "telnet_port")]
    with a_balancer(tmp_path / "haproxy", ports[0], telnet=ports[1]) as balancer:
        terminal = (program("telnet"), "-b", "127.0.0.5", "127.0.0.1", str(balancer.telnet_port))
        with ATerminal(*terminal, cwd=tmp_path) as telnet:
            enter(telnet, "Ada")
            telnet.types("resume")
            code = telnet.reads("resume [-\\w]{20,}").split()[1]
            serving = [gateway for gateway in both if players(deployment, gateway)]
            assert len(serving) == 1
            serving[0].kill()
            telnet.reads("closed by foreign host")
        (other,) = (gateway for gateway in both if gateway.alive)
        with ATerminal(*terminal, cwd=tmp_path) as telnet:
            telnet.reads("Your name")
            telnet.types(f"resume {code}")
            telnet.reads("You are Ada again")
            assert players(deployment, other) == 1


def test_haproxy_takes_as_many_from_an_address_as_a_gateway_in_the_containers() -> None:
    (taken,) = set(re.findall(r"sc0_conn_cur gt (\d+)", CONFIG.read_text()))
    compose = (ROOT / "docker" / "compose.production.yml").read_text()
    assert set(re.findall(r'GAMESERVER_CONNECTIONS_PER_ADDRESS_MAX: "(\d+)"', compose)) == {taken}


def greet(client: socket.socket, wanted: bytes = b"welcome") -> bytes:
    """What a client is told first, to what it waits for; less when it is cut off. It stays connected."""
    heard = b""
    try:
        client.sendall(b'{"type":"hello","protocol":1}\n')
        while wanted not in heard and (more := client.recv(1000)):
            heard += more
        return heard
    except (ConnectionResetError, BrokenPipeError):
        return heard


@pytest.mark.long
def test_players_come_in_with_tls(deployment: Deployment, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    _, _, both = authority.issue("localhost")
    deployment.worker(name="all")
    gateway = deployment.gateway("gateway1", env=ENDPOINT)
    with a_balancer(tmp_path / "haproxy", [gateway.port, gateway.port], both) as balancer:
        asyncio.run(_enter("localhost", balancer.tls_port, authority))


async def _enter(host: str, port: int, authority: Authority) -> None:
    async with Client.connect(host, port, tls=authority.trust()) as ada:
        await ada.register("ada", PASSWORD)
        assert await ada.send("who") is not None
