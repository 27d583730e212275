"""What players see of ten machines when something is wrong between or on them: scenes, each played by bots."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg

from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.clocks import set_clock, settable, wrong_by
from tests.databases import OWNER, Cluster
from tests.deployments import FAMILIES
from tests.machines.network import Machine, Network, Service

BROKER, DATABASE, PLAYERS, BEAT = "broker", "database", "players", "beat"
GATEWAYS = ("gateway1", "gateway2")
WORKERS = ("worker1", "worker2", "worker3", "worker4")
MACHINES = (BROKER, DATABASE, *GATEWAYS, *WORKERS, BEAT, PLAYERS)

PORT, BROKER_PORT, DATABASE_PORT = 4000, 5672, 5432
BOTS, RATE = 24, 2.0
BEFORE_S, DURING_S, AFTER_S = 5.0, 20.0, 20.0
UP_S_MAX, END_S_MAX = 90.0, 60.0
LAN_S = 0.0002  # each way, where a scene says nothing else
WRONG_S = 300.0
FLUSH_MS = 100
# A disk that is slow to flush, as far as PostgreSQL can play one.
SLOW_DISK = (f"ALTER SYSTEM SET commit_delay = {FLUSH_MS * 1000}", "ALTER SYSTEM SET commit_siblings = 0")
FAST_DISK = ("ALTER SYSTEM RESET commit_delay", "ALTER SYSTEM RESET commit_siblings")
DISK = ("listen_addresses=", "max_connections=100")

_COUNTED = re.compile(r"sent (\d+), answered (\d+), unanswered (\d+), reconnects (\d+)")
_LATENCY = re.compile(r"latency ms: p50 ([\d.]+), p95 ([\d.]+), p99 ([\d.]+), max ([\d.]+)")
_ERRORS = re.compile(r"^errors: (.*)$", re.MULTILINE)
_TOLD = re.compile(r"\bunavailable (\d+)")
_NOTICES = re.compile(r"^notices: (.*)$", re.MULTILINE)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What players saw of a scene. Times in milliseconds; ``told``: how often that a family is unavailable, or back."""

    sent: int
    unanswered: int
    reconnects: int
    p50: float
    p99: float
    slowest: float
    errors: str
    told: int


class Farm:
    """A deployment on ten machines."""

    def __init__(self, net: Network, node: RunningNode, cluster: Cluster, folder: Path) -> None:
        self.net = net
        self._cluster = cluster
        self._deployment = Deployment(node.amqp_url(), folder, cluster.url(cluster.migrated))
        socket = f"{urlsplit(cluster.url(OWNER)).query.removeprefix('host=')}/.s.PGSQL.{DATABASE_PORT}"
        self._services = [
            Service(net[BROKER], BROKER_PORT, node.node_port),
            Service(net[DATABASE], DATABASE_PORT, socket),
        ]
        user = node.amqp_url().rpartition("@")[0]
        self._environ = {
            **self._deployment.environ,
            "AMQP_URL": f"{user}@{net[BROKER].address}:{BROKER_PORT}//",
            "DATABASE_URL": f"postgresql://{OWNER}@{net[DATABASE].address}:{DATABASE_PORT}/{cluster.migrated}",
        }
        self._procs: dict[str, Proc] = {}
        self._number = 0

    def start(self) -> None:
        """Start everything."""
        self.net.obey(latency_s=LAN_S)
        for name in (*WORKERS, *GATEWAYS, BEAT):
            self.begin(name)
        for name in (*WORKERS, *GATEWAYS):
            self._await(name)

    def begin(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Start the process of a machine."""
        machine = self.net[name]
        own = {"GAMESERVER_ENDPOINTS": f"tcp:{PORT}:interface={machine.address}", "GAMESERVER_GATEWAY_ID": name}
        self._procs[name] = self._proc(machine, self._command(name), {**self._environ, **own, **(env or {})})

    def _command(self, name: str) -> Sequence[str]:
        if name in GATEWAYS:
            return (sys.executable, "-m", "gateway")
        celery = (sys.executable, "-m", "celery", "-A", "tasks")
        if name == BEAT:
            return (*celery, "beat", "--loglevel", "INFO")
        options = ("-n", f"{name}@{name}", "--pool", "prefork", "-c", "1", "--loglevel", "INFO")
        return (*celery, "worker", "-Q", ",".join(FAMILIES), *options)

    def _proc(self, machine: Machine, command: Sequence[str], environ: Mapping[str, str]) -> Proc:
        self._number += 1
        log = self._deployment.folder / f"{self._number}-{machine.name}.log"
        return self._deployment.take(Proc(machine.name, machine.command(*command), environ, log))

    def _await(self, name: str) -> None:
        said = {**dict.fromkeys(GATEWAYS, "connected to the broker"), BEAT: "beat: Starting"}.get(name, " ready.")
        self._procs[name].says(said, s_max=UP_S_MAX)

    def again(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Stop the process of a machine in order, and start it again."""
        self._procs[name].terminate()
        self._procs[name].wait(END_S_MAX)
        self.begin(name, env)
        self._await(name)

    def kill(self, name: str) -> None:
        """End the process of a machine as a power cut does."""
        self._procs[name].end()

    def database(self, *statements: str) -> None:
        """Change the database server's settings."""
        with psycopg.connect(self._cluster.url(OWNER), autocommit=True) as connection:
            for statement in (*statements, "SELECT pg_reload_conf()"):
                connection.execute(statement)

    def database_again(self, env: Mapping[str, str] | None = None) -> None:
        """Stop the database server, and start it again."""
        self._cluster.end()
        self._cluster.run(env)

    def clock_file(self, name: str) -> Path:
        """Return the file that says how wrong a machine's clock is, where that can be set."""
        return self._deployment.folder / f"{name}.clock"

    def play(self, scene: AbstractContextManager[object], prefix: str) -> Seen:
        """Let bots play before, within and after a scene."""
        bots = self._bots(prefix)
        eventually(lambda: "answered" in bots.text or not bots.alive, lambda: bots.tail, UP_S_MAX)
        time.sleep(BEFORE_S)
        with scene:
            time.sleep(DURING_S)
        bots.wait(AFTER_S + UP_S_MAX)
        return read(bots.text)

    def _bots(self, prefix: str) -> Proc:
        addresses = [word for name in GATEWAYS for word in ("--address", f"{self.net[name].address}:{PORT}")]
        seconds = str(BEFORE_S + DURING_S + AFTER_S)
        how = ("--count", str(BOTS), "--rate", str(RATE), "--duration", seconds, "--name-prefix", prefix)
        command = (sys.executable, "-m", "gameserver", "bots", *how, *addresses)
        return self._proc(self.net[PLAYERS], command, self._environ)

    def stop(self) -> None:
        """End everything."""
        try:
            self._deployment.stop()
        finally:
            for service in self._services:
                service.stop()


def read(text: str) -> Seen:
    """Read the summary of a crowd."""
    counted, latency = _found(_COUNTED, text), _found(_LATENCY, text)
    told = _TOLD.search(_found(_NOTICES, text)[1])
    return Seen(
        sent=int(counted[1]),
        unanswered=int(counted[3]),
        reconnects=int(counted[4]),
        p50=float(latency[1]),
        p99=float(latency[3]),
        slowest=float(latency[4]),
        errors=_found(_ERRORS, text)[1],
        told=int(told[1]) if told else 0,
    )


def _found(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.search(text)
    assert found, text[-2_000:]
    return found


@contextmanager
def _rules(
    farm: Farm, latency_s: float = LAN_S, loss: float = 0.0, cut: Sequence[tuple[str, str]] = ()
) -> Iterator[None]:
    farm.net.obey(latency_s, loss, cut)
    try:
        yield
    finally:
        farm.net.obey(LAN_S)


def _cut(*pairs: tuple[str, str]) -> "Scene":
    """Cut both ways."""
    return partial(_rules, cut=[way for one, other in pairs for way in ((one, other), (other, one))])


@contextmanager
def _wrong_clock(farm: Farm, name: str, skew_s: float) -> Iterator[None]:
    farm.again(name, wrong_by(skew_s))
    try:
        yield
    finally:
        farm.again(name)


@contextmanager
def _wrong_clock_of_database(farm: Farm, skew_s: float) -> Iterator[None]:
    farm.database_again(wrong_by(skew_s))
    try:
        yield
    finally:
        farm.database_again()


@contextmanager
def _clock_that_jumps(farm: Farm, name: str, skew_s: float) -> Iterator[None]:
    """Set a clock while players play, and set it right again; until then it was right."""
    file = farm.clock_file(name)
    farm.again(name, settable(file))
    set_clock(file, skew_s)
    try:
        yield
    finally:
        set_clock(file, 0)


@contextmanager
def _slow_disk(farm: Farm) -> Iterator[None]:
    farm.database(*SLOW_DISK)
    try:
        yield
    finally:
        farm.database(*FAST_DISK)


@contextmanager
def _power_cut(farm: Farm, name: str) -> Iterator[None]:
    farm.kill(name)
    try:
        yield
    finally:
        farm.begin(name)


Scene = Callable[[Farm], AbstractContextManager[None]]

SCENES: dict[str, Scene] = {
    "nothing: 0.2 ms each way": _rules,
    "10 ms each way, between all": partial(_rules, latency_s=0.010),
    "50 ms each way, between all": partial(_rules, latency_s=0.050),
    "1 % of all frames lost": partial(_rules, loss=0.01),
    "5 % of all frames lost": partial(_rules, loss=0.05),
    "a worker's machine cut off from all": _cut(("worker1", "*")),
    "a worker's machine cut off from the broker": _cut(("worker1", BROKER)),
    "a worker's machine cut off from the database": _cut(("worker1", DATABASE)),
    "what a worker's machine sends to the broker lost, one way": partial(_rules, cut=[("worker1", BROKER)]),
    "what the broker sends to a worker's machine lost, one way": partial(_rules, cut=[(BROKER, "worker1")]),
    "all workers but one cut off from the broker": _cut(*((name, BROKER) for name in WORKERS[1:])),
    "a gateway's machine cut off from all": _cut((GATEWAYS[0], "*")),
    "a gateway's machine cut off from the broker": _cut((GATEWAYS[0], BROKER)),
    "a gateway's machine cut off from players": _cut((GATEWAYS[0], PLAYERS)),
    "the broker's machine cut off from all": _cut((BROKER, "*")),
    "the database's machine cut off from all": _cut((DATABASE, "*")),
    "beat's machine cut off from all": _cut((BEAT, "*")),
    "what a gateway's machine sends to the broker lost, one way": partial(_rules, cut=[(GATEWAYS[0], BROKER)]),
    "what the broker sends to a gateway's machine lost, one way": partial(_rules, cut=[(BROKER, GATEWAYS[0])]),
    "what is sent to the database's machine lost, one way": partial(_rules, cut=[("*", DATABASE)]),
    "what the database's machine sends lost, one way": partial(_rules, cut=[(DATABASE, "*")]),
    "a worker's machine loses power": partial(_power_cut, name="worker1"),
    "a gateway's machine loses power": partial(_power_cut, name=GATEWAYS[0]),
    "a worker's clock 5 minutes ahead": partial(_wrong_clock, name="worker1", skew_s=WRONG_S),
    "a worker's clock 5 minutes behind": partial(_wrong_clock, name="worker1", skew_s=-WRONG_S),
    "a gateway's clock 5 minutes ahead": partial(_wrong_clock, name=GATEWAYS[0], skew_s=WRONG_S),
    "beat's clock 5 minutes ahead": partial(_wrong_clock, name=BEAT, skew_s=WRONG_S),
    "beat's clock 5 minutes behind": partial(_wrong_clock, name=BEAT, skew_s=-WRONG_S),
    "the database's clock 5 minutes ahead": partial(_wrong_clock_of_database, skew_s=WRONG_S),
    "the database's clock 5 minutes behind": partial(_wrong_clock_of_database, skew_s=-WRONG_S),
    "a worker's clock jumps 5 minutes ahead, and back": partial(_clock_that_jumps, name="worker1", skew_s=WRONG_S),
    "a gateway's clock jumps 5 minutes back, and ahead": partial(_clock_that_jumps, name=GATEWAYS[0], skew_s=-WRONG_S),
    "beat's clock jumps 5 minutes ahead, and back": partial(_clock_that_jumps, name=BEAT, skew_s=WRONG_S),
    "a disk that takes 100 ms to flush, below the database": _slow_disk,
}


def format_table(found: Mapping[str, Seen]) -> str:
    """Format what was seen as a table of the documents."""
    lines = [
        "| for 20 of 45 seconds | median, p99, slowest (ms) | told no | told of families | reconnects | unanswered |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {each.p50:.0f}, {each.p99:.0f}, {each.slowest:.0f} | {each.errors} | {each.told} | "
            f"{each.reconnects} | {each.unanswered} of {each.sent} |"
            for name, each in found.items()
        ),
    ]
    return "\n".join(lines)
