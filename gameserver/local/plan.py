"""The plan of a server on one machine: which programs run, in which order, and what each is told.

A plan is plain data, made without starting anything, so that tests can read it and the supervisor can run any other.
Secrets are told through the environment and through files that only their owner can read, never on a command line.
"""

import http.client
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from socket import gethostname

import msgspec

from gameserver.broker import connections
from gameserver.config import PLAYER, Settings
from gameserver.errors import GameError
from gameserver.local.ports import LOCAL, Ports, accepts, gateway_listeners
from gameserver.local.rabbitmq_node import USER, PrivateNode
from gameserver.runtime import prometheus_targets
from gameserver.runtime.prometheus_targets import Target
from gameserver.security import private_files

HTTP_S_MAX = 5.0
# What would turn our private broker into somebody else's, or make a program report to somebody else's supervisor.
NOT_INHERITED = ("RABBITMQ_", "ERL_", "SUPERVISOR_", "NOTIFY_SOCKET")

# What programs are told that run while their game's files are written. Bytecode is taken for that of a file if size and
# second of its last change are the same: of a file that is saved twice in a second it would be the older one's.
DEVELOPING = {"GAMESERVER_DEV": "1", "PYTHONDONTWRITEBYTECODE": "1"}


# Imported once, for all Python programs, which share its memory. Not while a game's files are written: a program that
# is restarted then reads them anew.
PRELOADED = ("tasks.preload", "gateway.preload", "gameserver.client.bots")

ALL = "all"  # the name of a worker of all families
SHARED_CHILDREN = 2  # of that worker: a family can hold one of them, and the others go on with the other


def _always() -> bool:
    return True


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process. Lower stages start first, each when the one before is ready, and stop last.

    ``environment``: beside what all are told, and no secrets: for an instant they stand on a command line.
    ``late``: it is started while all run; then it is a command of Python's, of plain words.
    """

    name: str
    command: tuple[str, ...]
    stage: int
    ready: Callable[[], bool] = _always
    environment: Mapping[str, str] = {}
    stop_s_max: int = 10
    late: bool = False


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be known outside; made once, then kept."""

    flower_password: str
    flower_cookie: str


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """The broker in use: where it is, and its node when it is ours."""

    amqp_url: str
    management_url: str
    node: PrivateNode | None


def programs(
    settings: Settings,
    families: Mapping[str, list[str]],
    *,
    broker: Broker,
    ports: Ports,
    bots: int,
    one_worker: bool = False,
) -> list[Program]:
    """List everything that runs, in the order in which it starts. ``families``: family -> its queues' names.

    ``one_worker``: one for all families, instead of one for each.
    """
    return [
        *(_broker_programs(broker.node) if broker.node else []),
        *(_shared_worker(settings, families, broker) if one_worker else _workers(settings, families, broker)),
        _beat(),
        _flower(ports),
        _gateway(settings),
        *([_bots(settings, bots)] if bots else []),
    ]


def _broker_programs(node: PrivateNode) -> list[Program]:
    environment = node.environment()
    return [
        Program(
            name="epmd",
            command=tuple(node.epmd_command()),
            stage=0,
            ready=partial(accepts, LOCAL, node.epmd_port),
            environment=environment,
        ),
        Program(
            name="rabbitmq",
            command=tuple(node.command()),
            stage=1,
            ready=node.is_up,
            environment=environment,
            stop_s_max=30,
        ),
    ]


def _gateway(settings: Settings) -> Program:
    # Before it goes it answers what is under way, for three times 8 seconds at most (gateway.service); workers go later
    ready = partial(_all_accept, settings.endpoints)
    return Program(name="gateway", command=_python("gateway"), stage=3, ready=ready, stop_s_max=30)


def _all_accept(endpoints: Iterable[str]) -> bool:
    return all(accepts(listener.host, listener.port) for listener in gateway_listeners(endpoints))


def _workers(settings: Settings, families: Mapping[str, list[str]], broker: Broker) -> list[Program]:
    return [worker(settings, broker, family, queues) for family, queues in families.items()]


def worker(settings: Settings, broker: Broker, family: str, queues: list[str], *, late: bool = False) -> Program:
    """Return the first worker of a family."""
    return _worker(settings, family, worker_command(family, queues, number=1), queues, broker, late=late)


def _shared_worker(settings: Settings, families: Mapping[str, list[str]], broker: Broker) -> list[Program]:
    queues = [queue for queues in families.values() for queue in queues]
    command = [*worker_command(ALL, queues, number=1, children=SHARED_CHILDREN), "--bulkheads"]
    return [_worker(settings, ALL, command, queues, broker)]


def _worker(
    settings: Settings, name: str, command: list[str], queues: list[str], broker: Broker, *, late: bool = False
) -> Program:
    return Program(
        name=f"worker-{name}",
        command=_python("celery", *command, "--loglevel", settings.log_level.upper()),
        stage=2,
        ready=partial(consumed, broker.amqp_url, tuple(queues)),
        stop_s_max=30,
        late=late,
    )


def worker_command(family: str, queues: list[str], number: int, children: int = 1) -> list[str]:
    """Return Celery's arguments for one worker of a family; the next one differs in its number only."""
    name = f"{family}{number}@%h"  # as worker_name says
    pool = ["--concurrency", str(children), "--pool", "prefork"]
    return ["-A", "tasks", "worker", "-Q", ",".join(queues), "-n", name, *pool]


def worker_name(family: str) -> str:
    """Return the name by which the first worker of a family on this machine is known."""
    return f"{family}1@{gethostname()}"


def _beat() -> Program:
    return Program(name="beat", command=_python("celery", "-A", "tasks", "beat"), stage=2)


def _flower(ports: Ports) -> Program:
    options = (f"--address={LOCAL}", f"--port={ports.flower}")
    return Program(
        name="flower",
        command=_python("celery", "-A", "tasks", "flower", *options),
        stage=2,
        ready=partial(answers, ports.flower, "/healthcheck"),
    )


def _bots(settings: Settings, count: int) -> Program:
    gateways = [f"{listener.host}:{listener.port}" for listener in gateway_listeners(settings.endpoints, PLAYER)]
    where = ("--address", gateways[0]) if gateways else ()
    play = ("bots", "--count", str(count), "--rate", "1", "--forever", *where)
    return Program(name="bots", command=_python("gameserver", *play), stage=4)


def _python(module: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *args)


# What every program inherits.


def environment(environ: Mapping[str, str], settings: Settings, *, broker: Broker, secrets: Secrets) -> dict[str, str]:
    """Return the environment of all programs: the one given, and where broker, database and secrets are."""
    inherited = {name: value for name, value in environ.items() if not name.startswith(NOT_INHERITED)}
    flower = {
        "FLOWER_BASIC_AUTH": f"{USER}:{secrets.flower_password}",
        "FLOWER_COOKIE_SECRET": secrets.flower_cookie,
    }
    return {
        "PYTHONUNBUFFERED": "1",
        **flower,
        **inherited,
        **env_of_commands(settings, broker),
        "GAMESERVER_HOME": str(settings.home),
        "GAMESERVER_CHECKED": "1",  # by us, before anything was started
        "GAMESERVER_SECRET_KEY_FILE": str(settings.secret_key_file),
    }


def env_of_commands(settings: Settings, broker: Broker) -> dict[str, str]:
    """Return what a command started by hand beside the server must know.

    ``gameserver.config`` reads it from var/house.env.
    """
    return {
        "AMQP_URL": broker.amqp_url,
        "AMQP_MANAGEMENT_URL": broker.management_url,
        "DATABASE_URL": settings.database_url,
        "GAMESERVER_ENDPOINTS": " ".join(settings.endpoints),
    }


@contextmanager
def known_by_file(settings: Settings, broker: Broker) -> Iterator[None]:
    """Keep var/house.env while this server runs. Afterwards it is gone, or the next one would inherit our settings."""
    file = settings.var / "house.env"
    lines = (f"{name}={value}\n" for name, value in env_of_commands(settings, broker).items())
    private_files.write(file, "# Written by `gameserver up` for commands started beside it. Secret.\n" + "".join(lines))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def watched(settings: Settings, broker: Broker, ports: Ports) -> Iterator[None]:
    """Tell Prometheus, within the block, where those parts answer that do not tell it themselves."""
    folder = settings.var / "metrics"
    files = [prometheus_targets.write(folder / "locked" / "flower.json", [_target("flower", ports.flower)])]
    if broker.node and broker.node.metrics_port:
        files.append(
            prometheus_targets.write(folder / "rabbitmq.json", [_target("rabbitmq", broker.node.metrics_port)])
        )
    try:
        yield
    finally:
        for file in files:
            prometheus_targets.withdraw(file)


def _target(job: str, port: int) -> Target:
    return Target([f"{LOCAL}:{port}"], {"job": job, "process": job})


# Whether a program does its work, not only whether it runs.


def answers(port: int, path: str) -> bool:
    """Return whether an HTTP server on this machine answers a GET, if only by asking for a password."""
    connection = http.client.HTTPConnection(LOCAL, port, timeout=HTTP_S_MAX)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def why_unreachable(amqp_url: str) -> str:
    """Return why a broker (of a cluster: every node) does not let us in, "" where it does."""
    try:
        with connections.connected(amqp_url):
            return ""
    except GameError as fault:
        return str(fault)
    except ValueError:  # its words may hold the password
        return "It is no address of a broker."


def consumed(amqp_url: str, queues: Iterable[str]) -> bool:
    """Return whether each of the queues exists and has a consumer."""
    try:
        with connections.connected(amqp_url) as connection:
            depths = list(map(connections.DepthReader(connection).depth, queues))
    except GameError:
        return False
    return all(depth is not None and depth.consumers for depth in depths)
