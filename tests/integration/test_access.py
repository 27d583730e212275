"""Least privilege on a real broker: everyone can do what the server needs of it, and nothing else."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from gameserver.broker.gateway_routing import gateway_queue
from gameserver.broker.topology import DEAD, EVENTS, OUTBOUND
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, task_message
from gameserver.modules.sessions.events import Ack
from gameserver.testing.broker import Vhost, fresh_vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import GatewayProc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.deployments import ROOT
from tests.flowers import PASSWORD, USER, FlowerPages
from tests.integration.scraped import scrape, targets, value
from tests.users import Users


@pytest.fixture(scope="module")
def guarded(private_node: RunningNode, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A virtual host with its users, and exchanges and queues that its operator declared."""
    with fresh_vhost(private_node) as vhost:
        users = Users(private_node, vhost, tmp_path_factory.mktemp("secrets"))
        with a_deployment(users.url("nobody"), tmp_path_factory.mktemp("server")) as deployment:
            yield users, deployment, vhost


@pytest.fixture(scope="module")
def users(guarded: tuple[Users, Deployment, Vhost]) -> Users:
    made, deployment, _ = guarded
    command(deployment, made, "operator", "-m", "gameserver.cli", "declare")
    return made


@pytest.fixture(scope="module")
def playing(guarded: tuple[Users, Deployment, Vhost], users: Users) -> tuple[Deployment, GatewayProc]:
    """Beat, a worker and a gateway, each as its own user."""
    _, deployment, _ = guarded
    deployment.beat(env=users.env_of("beat"))
    deployment.worker(name="all", env=users.env_of("worker"))
    return deployment, deployment.gateway("gateway1", env=users.env_of("gateway1"))


def command(deployment: Deployment, users: Users, user: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        env={**deployment.environ, **users.env_of(user)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everyone_plays_its_part_as_its_own_user(playing: tuple[Deployment, GatewayProc], users: Users) -> None:
    deployment, gateway = playing
    with LineClient(gateway.port) as ada, LineClient(gateway.port) as bob:
        ada.register("Ada")
        bob.register("Bob")
        assert ada.ask("shout", text="hello")["type"] == "ok"
        assert bob.expect("heard", how="shout")["text"] == "hello"
        assert ada.ask("whisper", to="bob", text="psst")["type"] == "ok"  # through the outbox and the sweep
        assert bob.expect("heard", how="whisper")["text"] == "psst"
    screen = command(deployment, users, "operator", "-m", "gameserver.cli", "status")
    assert "gateway1-" in screen
    assert "all@" in screen
    log = gateway.text + "".join(proc.text for proc in deployment.procs)
    assert users.password("worker") not in log
    assert users.password("gateway1") not in log


def test_beats_ticks_are_applied(playing: tuple[Deployment, GatewayProc]) -> None:
    deployment, _ = playing
    (worker,) = targets(deployment, "worker").values()
    eventually(lambda: value(scrape(worker), "gameserver_worker_events_total", event="tick", outcome="ok") > 0, "ticks")


def test_flower_sees_and_steers_workers_as_a_user_that_can_send_no_event(
    playing: tuple[Deployment, GatewayProc], users: Users
) -> None:
    deployment, _ = playing
    password = users.folder / "flower_pages"
    password.write_text(f"{USER}:{PASSWORD}")
    told = {"FLOWER_BASIC_AUTH_FILE": str(password), "FLOWER_COOKIE_SECRET_FILE": str(users.folder / "flower_cookie")}
    flower = FlowerPages(deployment, password="", env={**users.env_of("flower"), **told})
    assert flower.status("/metrics", password="another") == 401
    (worker,) = eventually(lambda: flower.get("workers", refresh=1), "a worker")
    assert worker.startswith("all@")
    eventually(lambda: flower.get("tasks", taskname="world.tick", limit=1), "a task's events")
    flower.order("pool/grow", worker, n=1)
    (metrics,) = targets(deployment, "worker").values()
    eventually(lambda: value(scrape(metrics), "gameserver_worker_children") == 2, "a second child")


def test_a_worker_lays_what_is_no_event_aside_as_its_own_user(
    playing: tuple[Deployment, GatewayProc], users: Users
) -> None:
    """It was refused the exchange ``dead``: the batch in which it came failed, and was given back again and again."""
    ack = task_message([Envelope(id="ack", event=Ack(ids=[]), at_ms=0, gateway="nobody")], "a test")
    (batch,), *rest = msgspec.json.decode(ack.body)
    properties = pika.BasicProperties(
        headers=ack.headers, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, correlation_id=ack.task_id
    )
    with pika.BlockingConnection(pika.URLParameters(users.full_url("operator"))) as connection:
        channel = connection.channel()
        channel.queue_purge(DEAD)
        channel.basic_publish(EVENTS, "sessions", msgspec.json.encode([[[*batch, "no event"]], *rest]), properties)
        eventually(lambda: channel.queue_declare(DEAD, passive=True).method.message_count == 1, "what is no event")
        _, found, _ = channel.basic_get(DEAD, auto_ack=True)
    assert "x-death" not in found.headers  # laid aside, not rejected


def publish(exchange: str, key: str) -> Callable[[Any], Any]:
    def act(channel: Any) -> None:
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, b"{}")

    return act


def take(queue: str) -> Callable[[Any], Any]:
    return lambda channel: channel.basic_get(queue)


def bind(queue: str, exchange: str) -> Callable[[Any], Any]:
    return lambda channel: channel.queue_bind(queue, exchange, "movement")


def delete(queue: str) -> Callable[[Any], Any]:
    return lambda channel: channel.queue_delete(queue)


def declare(queue: str) -> Callable[[Any], Any]:
    return lambda channel: channel.queue_declare(queue)


OWN, OTHERS = gateway_queue("gateway1-0a"), gateway_queue("gateway2-0b")


@pytest.mark.parametrize(
    ("user", "what", "act"),
    [
        ("gateway1", "take events", take("movement")),
        ("gateway1", "take another gateway's", take(OTHERS)),
        ("gateway1", "make another gateway's queue", declare(OTHERS)),
        ("gateway1", "listen to events", bind(OWN, EVENTS)),
        ("gateway1", "speak as a process", publish(OUTBOUND, "gateways")),
        ("gateway1", "publish past the exchange", publish("", "movement")),
        ("gateway1", "control workers", publish("celery.pidbox", "")),
        ("gateway1", "delete a queue", delete("movement")),
        ("worker", "take a gateway's", take(OWN)),
        ("worker", "take what lies in dead", take(DEAD)),
        ("worker", "make a gateway's queue", declare(OWN)),
        ("worker", "delete a queue", delete("movement")),
        ("worker", "control workers", publish("celery.pidbox", "")),
        ("beat", "take events", take("world")),
        ("beat", "speak as a process", publish(OUTBOUND, "gateways")),
        ("beat", "make a queue", declare("mine")),
        ("flower", "send events", publish(EVENTS, "movement")),
        ("flower", "send past the exchange", publish("", "movement")),
        ("flower", "take events", take("movement")),
        ("flower", "take a gateway's", take(OWN)),
        ("flower", "speak as a process", publish(OUTBOUND, "gateways")),
        ("monitor", "take events", take("movement")),
        ("monitor", "send events", publish(EVENTS, "movement")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_ones_own_is_refused(users: Users, user: str, what: str, act: Callable[[Any], Any]) -> None:
    with pika.BlockingConnection(pika.URLParameters(users.full_url(user))) as connection:
        channel = connection.channel()
        if user == "gateway1":
            channel.queue_declare(OWN, exclusive=True)
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED") as refused:
            act(channel)
    assert refused.value.reply_code == 403


@pytest.mark.long
def test_a_gateway_whose_deployment_is_not_declared_says_what_is_missing(
    private_node: RunningNode, tmp_path: Path
) -> None:
    with fresh_vhost(private_node) as vhost:
        users = Users(private_node, vhost, tmp_path / "secrets")
        with a_deployment(users.url("nobody"), tmp_path / "server") as deployment:
            own = {"GAMESERVER_GATEWAY_ID": "gateway1", "GAMESERVER_ENDPOINTS": "tcp:0:interface=127.0.0.1"}
            environ = {**deployment.environ, **users.env_of("gateway1"), **own}
            proc = GatewayProc("gateway1", (sys.executable, "-m", "gateway"), environ, tmp_path / "log")
            deployment.procs.append(proc)
            proc.says("NOT_FOUND - no exchange 'events'")
            command(deployment, users, "operator", "-m", "gameserver.cli", "declare")
            proc.says("connected to the broker")
