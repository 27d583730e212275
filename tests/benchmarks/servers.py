"""What is measured: this server as shipped, and the two others that one would build instead.

Each is started, gives its addresses, its tiers (the sessions of its processes) and the URL of its broker, and is ended.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from gameserver.local.plan import consumed
from gameserver.maps.world import load_world
from gameserver.security.passwords import Argon2Passwords
from gameserver.testing.broker import fresh_vhost
from gameserver.testing.deployment import Deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import GatewayProc, Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.benchmarks import bulk, cores, zones
from tests.benchmarks.as_run import gameserver_up
from tests.benchmarks.share import limited
from tests.databases import Cluster, required
from tests.deployments import FAMILIES
from tests.web_clients import WEB

SETTINGS = ("listen_addresses=", "max_connections=50")
TELNET = "tcp:0:interface=127.0.0.1 telnet:tcp:0:interface=127.0.0.1"
UNMEASURED = {"GAMESERVER_LOGIN_TIMEOUT_S": "120"}  # thousands enter before the window begins


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to start. ``players``: who can play; ``population``: others in the database; ``history``: rows of what was
    said once. ``crowd``: players in a zone, which is ``side`` tiles wide. ``bundled``: in the game's own world instead.
    ``gateway_share``: so much of a processor each gateway may use, 0 for all it gets. ``led``: all players of a zone
    are on one gateway. ``postgresql``: a server of its own instead of SQLite. ``cores``: on how many all of its
    processes run; see the module ``cores``. ``telnet``: players come in by telnet, with passwords that cost nothing to
    check. ``web``: gateways serve browsers too.
    """

    kind: str = "gameserver"
    players: int = zones.CROWD
    population: int = 0
    history: int = 0
    crowd: int = zones.CROWD
    side: int = zones.SIDE
    gateways: int = 1
    gateway_share: float = 0.0
    led: bool = False
    flower: bool = True
    bundled: bool = False
    postgresql: bool = False
    telnet: bool = False
    cores: int = cores.DEFAULT
    web: bool = False
    env: dict[str, str] = {}


class Running(msgspec.Struct, kw_only=True):
    """What was started."""

    wanted: Wanted
    addresses: list[tuple[str, int]]
    web_addresses: list[tuple[str, int]] = []
    tiers: dict[str, list[int]]
    amqp_url: str = ""
    deployment: Deployment | None = None
    workers: dict[str, Proc] = {}


@contextlib.contextmanager
def running(wanted: Wanted, folder: Path, node: RunningNode | None = None) -> Iterator[Running]:
    """Start it, and end it. ``node``: a broker that runs already."""
    kinds = {"gameserver": _gameserver, "make run": _as_run, "floor": _floor, "usual": _usual}
    with contextlib.ExitStack() as stack:
        with cores.running_on(cores.of_server(wanted.cores)):
            server = stack.enter_context(kinds[wanted.kind](wanted, folder, node))
        yield server


@contextlib.contextmanager
def _gameserver(wanted: Wanted, folder: Path, running_node: RunningNode | None) -> Iterator[Running]:
    """One worker per family, beat, Flower, gateways: what ``gameserver up`` starts."""
    with (
        _broker(folder, running_node) as (node, amqp_url),
        _database(wanted) as (database_url, database),
        contextlib.ExitStack() as shares,
    ):
        world = {} if wanted.bundled else {"GAMESERVER_WORLD": str(_zones(wanted, folder))}
        deployment = Deployment(amqp_url, folder / "gameserver", database_url, {**UNMEASURED, **world, **wanted.env})
        try:
            _seed(wanted, deployment)
            workers = deployment.workers([((family,), family, 1) for family in FAMILIES])
            beat = deployment.beat()
            flower = [_flower(deployment)] if wanted.flower else []
            listens = {"GAMESERVER_ENDPOINTS": TELNET if wanted.telnet else WEB % "tcp:0"}
            gateways = [deployment.gateway(env=listens) for _ in range(wanted.gateways)]
            for gateway in gateways:
                shares.enter_context(limited(gateway.pid, wanted.gateway_share))
            yield Running(
                wanted=wanted,
                addresses=[_telnet(gateway) if wanted.telnet else gateway.address for gateway in gateways],
                web_addresses=[_web(gateway) for gateway in gateways if wanted.web],
                tiers={
                    "gateway": [gateway.pid for gateway in gateways],
                    "broker": [node.pid],
                    "workers": [proc.pid for proc in (*workers, beat)],
                    **database,
                    "flower": [proc.pid for proc in flower],
                },
                amqp_url=amqp_url,
                workers=dict(zip(FAMILIES, workers, strict=True)),
                deployment=deployment,
            )
        finally:
            shares.close()
            deployment.stop()


def _web(gateway: GatewayProc) -> tuple[str, int]:
    gateway.says("for browsers")
    return "127.0.0.1", gateway.web_port


@contextlib.contextmanager
def _as_run(wanted: Wanted, folder: Path, node: RunningNode | None) -> Iterator[Running]:
    """What ``make run`` starts, supervisor and broker of its own included, with players of whom it knows."""
    deployment = Deployment("amqp://of.its.own", folder / "gameserver", "", {**UNMEASURED, **wanted.env})
    _seed(wanted, deployment)
    with gameserver_up(deployment) as (address, tiers):
        yield Running(wanted=wanted, addresses=[address], tiers=tiers, deployment=deployment)


@contextlib.contextmanager
def _database(wanted: Wanted) -> Iterator[tuple[str, dict[str, list[int]]]]:
    """The database's URL ("" for SQLite, in the deployment's folder), and its tier if it has one."""
    if not wanted.postgresql:
        yield "", {}
        return
    with a_cluster() as cluster:
        yield cluster.url(cluster.migrated), {"database": [cluster.pid]}


@contextlib.contextmanager
def a_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that waits for the disk, as a real one does."""
    cluster = Cluster(required(), SETTINGS)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def worker_again(server: Running, family: str) -> None:
    """Start a family's worker anew."""
    assert server.deployment is not None
    with cores.running_on(cores.of_server(server.wanted.cores)):
        (worker,) = server.deployment.workers([((family,), f"{family}-again", 1)])
    server.workers[family] = worker
    server.tiers["workers"].append(worker.pid)


def _seed(wanted: Wanted, deployment: Deployment) -> None:
    world = load_world(deployment.settings.world_file)
    places = zones.spread(world) if wanted.bundled else partial(zones.small, crowd=wanted.crowd, side=wanted.side)
    players = wanted.players + (wanted.population > 0)
    passwords = Argon2Passwords(1, 8) if wanted.telnet else Argon2Passwords()
    zones.seed(deployment.database_url, world, players, wanted.players, places, passwords)
    if wanted.population:
        (name,) = zones.names(wanted.players, 1)
        bulk.multiply(deployment.database_url, name, wanted.players + 1, wanted.population - 1)
    bulk.say(deployment.database_url, wanted.history, at_ms=int(time.time() * 1000))


def _telnet(gateway: GatewayProc) -> tuple[str, int]:
    gateway.says("for telnet")
    return gateway.address[0], gateway.telnet_port


def _zones(wanted: Wanted, folder: Path) -> Path:
    return zones.write_zones(folder / "world", -(-wanted.players // wanted.crowd), wanted.side)


def _flower(deployment: Deployment) -> Proc:
    (port,) = free_ports(1)
    command = (sys.executable, "-m", "celery", "-A", "tasks", "flower", "--address=127.0.0.1", f"--port={port}")
    proc = Proc("flower", command, deployment.environ, deployment.folder / "flower.log")
    deployment.procs.append(proc)
    return proc


@contextlib.contextmanager
def _floor(wanted: Wanted, folder: Path, node: RunningNode | None) -> Iterator[Running]:
    """One Twisted process, everything in memory."""
    with _alone("tests.benchmarks.floor", (), folder, {}) as (gateway, _):
        yield Running(wanted=wanted, addresses=[gateway.address], tiers={"gateway": [gateway.pid]})


@contextlib.contextmanager
def _usual(wanted: Wanted, folder: Path, running_node: RunningNode | None) -> Iterator[Running]:
    """A Twisted process that calls ``apply_async`` for each packet, and a Celery worker as it comes."""
    with _broker(folder, running_node) as (node, amqp_url):
        environ = {"USUAL_BROKER": amqp_url, "USUAL_DATABASE": str(folder / "usual.sqlite")}
        worker = ("-m", "celery", "-A", "tests.benchmarks.usual", "worker")
        with _alone("tests.benchmarks.usual", worker, folder, environ) as (gateway, others):
            eventually(lambda: consumed(amqp_url, ("celery",)), "the usual worker is ready")
            tiers = {"gateway": [gateway.pid], "broker": [node.pid], "workers": [others[0].pid]}
            yield Running(wanted=wanted, addresses=[gateway.address], tiers=tiers)


@contextlib.contextmanager
def _alone(
    module: str, worker: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> Iterator[tuple[GatewayProc, list[Proc]]]:
    """A program that listens like a gateway, and perhaps a worker."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**_inherited(), **environ}
    gateway = GatewayProc(module, (sys.executable, "-m", module), whole, folder / "gateway.log")
    others = [Proc("worker", (sys.executable, *worker), whole, folder / "worker.log")] if worker else []
    try:
        gateway.says("listens on")
        yield gateway, others
    finally:
        for proc in (gateway, *others):
            proc.end()


def _inherited() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def _broker(folder: Path, node: RunningNode | None) -> Iterator[tuple[RunningNode, str]]:
    """A broker, and a virtual host of it."""
    if node is not None:
        with fresh_vhost(node) as vhost:
            yield node, vhost.url
        return
    node = RunningNode.somewhere(folder / "rabbitmq")
    try:
        node.start()
        node.wait_until_up()
        yield node, node.amqp_url()
    finally:
        node.kill()
        node.stop()
