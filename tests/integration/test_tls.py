"""TLS to the broker, and RabbitMQ's configuration of the containers: a real node is started with it."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from kombu.exceptions import OperationalError
from pika.exceptions import AMQPConnectionError

from gameserver.broker.connections import connected
from gameserver.client import Backoff, Client
from gameserver.security.provisioning import password_file
from gameserver.testing.broker import ROOT as OTHER_ROOT
from gameserver.testing.broker import require_rabbitmq
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import GatewayProc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from gateway.amqp.failover import HEARTBEAT_S
from tests.integration.scraped import scrape, targets, value
from tests.secure import Authority
from tests.users import all_users, configured

pytestmark = pytest.mark.long  # a node of its own


class SecureBroker:
    """A node with the containers' configuration, which is reached with TLS alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "ca")
        cert, key, _ = self.authority.issue("127.0.0.1")
        (self.port,) = free_ports(1)
        self.node = RunningNode.somewhere(folder / "node", root=OTHER_ROOT)
        users = all_users(folder, self.node.password)
        self.node.settings = {
            **configured("rabbitmq.conf", **{"broker_users.json": str(users)}),
            **configured(
                "tls.conf",
                **{"broker_ca.pem": str(self.authority.file), "broker_cert.pem": str(cert), "broker_key.pem": str(key)},
            ),
        }
        del self.node.settings["listeners.ssl.default"], self.node.settings["listeners.tcp"]
        self.node.settings |= {"listeners.ssl.1": f"127.0.0.1:{self.port}"}

    def password(self, user: str) -> str:
        return (self.folder / password_file(user)).read_text()

    def url(self, user: str, host: str = "127.0.0.1", authority: Path | None = None, password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"amqps://{who}@{host}:{self.port}/%2F?cacertfile={authority or self.authority.file}"

    def env_of(self, user: str) -> dict[str, str]:
        return {"AMQP_URL": self.url(user), "AMQP_PASSWORD_FILE": str(self.folder / password_file(user))}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    require_rabbitmq()
    made = SecureBroker(tmp_path_factory.mktemp("secure"))
    try:
        made.node.start()
        made.node.wait_until_up()
        yield made
    finally:
        made.node.kill()
        made.node.stop()


@pytest.fixture(scope="module")
def secure_deployment(broker: SecureBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with a_deployment(
        broker.url("operator"), tmp_path_factory.mktemp("server"), env=broker.env_of("operator")
    ) as deployment:
        yield deployment


def test_the_deployment_plays_over_tls_to_the_broker_and_to_players(
    broker: SecureBroker, secure_deployment: Deployment
) -> None:
    cert, key, _ = broker.authority.issue("localhost")
    secure_deployment.beat()  # as the operator, who declares
    secure_deployment.worker(name="all", env=broker.env_of("worker"))
    endpoint = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={cert}"
    gateway = secure_deployment.gateway("gateway1", env={**broker.env_of("gateway1"), "GAMESERVER_ENDPOINTS": endpoint})
    asyncio.run(_play(gateway.port, broker.authority))
    (worker,) = targets(secure_deployment, "worker").values()
    eventually(lambda: value(scrape(worker), "gameserver_worker_events_total", event="tick", outcome="ok") > 0, "ticks")
    assert "gateway1" in broker.node.ctl("list_connections", "user", "ssl")
    assert "false" not in broker.node.ctl("list_connections", "user", "ssl")


def test_a_gateway_lets_go_of_a_frozen_broker_that_never_hangs_up(
    broker: SecureBroker, secure_deployment: Deployment
) -> None:
    """pika hangs up when no heartbeat came, and over TLS would wait until the broker does so too."""
    secure_deployment.beat()  # as the operator, who declares
    gateway = secure_deployment.gateway("gateway1", env=broker.env_of("gateway1"))
    os.kill(broker.node.pid, signal.SIGSTOP)
    try:
        gateway.says("lost the broker", s_max=4 * HEARTBEAT_S)
    finally:
        os.kill(broker.node.pid, signal.SIGCONT)
    gateway.says("connected to the broker", times=2)
    gateway.end()


async def _play(port: int, authority: Authority) -> None:
    async with Client.connect("localhost", port, tls=authority.trust()) as ada:
        await ada.register("ada", "a long secret")
        await ada.send("whisper", to="ada", text="psst")
    for host, context in (("localhost", ssl.create_default_context()), ("127.0.0.1", authority.trust())):
        stranger = Client.connect(host, port, tls=context, backoff=Backoff(attempts_max=1))
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.open()


def test_there_is_no_guest_and_no_way_in_without_tls(broker: SecureBroker) -> None:
    assert "guest" not in broker.node.ctl("list_users")
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(f"amqp://127.0.0.1:{broker.port}/%2F"))


def test_a_node_with_a_strangers_certificate_is_not_spoken_to(broker: SecureBroker, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger").file
    refused(broker.url("operator", authority=stranger, password=broker.password("operator")))


def test_a_node_with_another_name_in_its_certificate_is_not_spoken_to(broker: SecureBroker) -> None:
    refused(broker.url("operator", host="127.1", password=broker.password("operator")))


def refused(url: str) -> None:
    with pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"), connected(url):
        pass


@pytest.mark.parametrize("fault", ["authority", "host"])
def test_a_gateway_says_why_it_does_not_speak_to_a_node(
    broker: SecureBroker, secure_deployment: Deployment, tmp_path: Path, fault: str
) -> None:
    stranger = Authority(tmp_path / "stranger").file
    url = broker.url("gateway1", authority=stranger) if fault == "authority" else broker.url("gateway1", host="127.1")
    own = {"AMQP_URL": url, "GAMESERVER_GATEWAY_ID": "gateway1", "GAMESERVER_ENDPOINTS": "tcp:0:interface=127.0.0.1"}
    environ = {**secure_deployment.environ, **broker.env_of("gateway1"), **own}
    proc = GatewayProc("gateway1", (sys.executable, "-m", "gateway"), environ, tmp_path / "log")
    secure_deployment.procs.append(proc)
    proc.says("certificate verify failed" if fault == "authority" else "VerificationError")
    assert "connected to the broker" not in proc.text
    proc.end()
