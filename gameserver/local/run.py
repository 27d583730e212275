"""``gameserver up``: a whole server on one machine, from nothing, in one command.

What could go wrong is looked for before anything starts (packages, ports, a broker given from outside), so that most
failures cost a sentence and no process. The world, the broker's data and the secrets stay under var/ for the next time.
"""

import fcntl
import secrets
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from gameserver.broker.urls import nodes
from gameserver.config import PLAYER, Settings
from gameserver.declare import catalogue
from gameserver.errors import Corrupt, GameError
from gameserver.local import plan
from gameserver.local.development import Development
from gameserver.local.forked_reading import Reading, read
from gameserver.local.plan import Broker, Program, Secrets
from gameserver.local.ports import LOCAL, Listener, Ports, check_free, gateway_listeners, variable
from gameserver.local.rabbitmq_node import USER, PrivateNode, installed, refuse_folder
from gameserver.local.supervisor import Stop, run, say, stoppable
from gameserver.security import private_files
from gameserver.security.sealing import write_key

BOTS = 20
PLAYGROUND = "/playground"  # of ``gateway.web.playground``
NC_FROM = "(Debian's package netcat-openbsd), and type lines of JSON:"


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """A game whose changes are taken up while its server runs.

    ``folders``: where its files lie. ``prepare``: see ``forked_reading.read``.
    ``live``: the game as it is read now.
    """

    folders: Sequence[Path]
    prepare: str
    live: Reading


def up(
    settings: Settings,
    families: Mapping[str, list[str]],
    *,
    environ: Mapping[str, str],
    migrate: Callable[[Settings], object],
    bots: int = BOTS,
    join: Sequence[str] = (),
    followed: Followed | None = None,
    one_worker: bool = False,
) -> int:
    """Run everything until Ctrl-C or SIGTERM, then stop everything. Returns 0, or 1 with the reason printed.

    ``families``: family -> its queues. ``environ``: the environment as it was given, because an ``AMQP_URL`` in it
    replaces the private broker while one in var/house.env is ours from last time. ``migrate`` makes the database ready.
    ``join``: lines that show how to play through ``nc``. ``followed``: the game whose changes are taken up meanwhile.
    ``one_worker``: one for all families, instead of one for each.
    """
    try:
        with stoppable():
            return _up(
                settings,
                families,
                environ=environ,
                migrate=migrate,
                bots=bots,
                join=join,
                followed=followed,
                one_worker=one_worker,
            )
    except Stop:
        return 0
    except GameError as failure:
        say(failure.message)
        return 1


def _up(
    settings: Settings,
    families: Mapping[str, list[str]],
    *,
    environ: Mapping[str, str],
    migrate: Callable[[Settings], object],
    bots: int,
    join: Sequence[str],
    followed: Followed | None,
    one_worker: bool,
) -> int:
    ports = Ports.from_env(environ)
    with _alone(settings.var):
        broker = broker_in_use(settings, ports, environ)
        check_free(listeners(settings, ports, broker))
        if broker.node:
            broker.node.write_files()
        say("Starting the server; logs are in " + _short(settings.var / "log", settings.home))
        migrate(settings)
        with plan.known_by_file(settings, broker), plan.watched(settings, broker, ports):
            programs = plan.programs(settings, families, broker=broker, ports=ports, bots=bots, one_worker=one_worker)
            told = plan.environment(environ, settings, broker=broker, secrets=kept_secrets(settings))
            follow = None
            if followed is not None:
                told |= plan.DEVELOPING
                worker = partial(plan.worker, settings, broker, late=True)
                follow = _development(followed, settings, told, programs, worker).follow
            return run(
                programs,
                folder=settings.var,
                cwd=settings.home,
                environ=told,
                where=where(
                    settings,
                    families,
                    broker=broker,
                    ports=ports,
                    environ=environ,
                    join=join,
                    develops=followed is not None,
                ),
                meanwhile=follow,
                preloaded=() if followed else plan.PRELOADED,
            )


def _development(
    followed: Followed,
    settings: Settings,
    environ: Mapping[str, str],
    programs: Sequence[Program],
    worker: Callable[[str, list[str]], Program],
) -> Development:
    return Development(
        followed.folders,
        read=partial(read, followed.prepare, environ=environ, cwd=settings.home),
        live=followed.live,
        stamp=settings.reload_stamp,
        offered=settings.reload_offered,
        cwd=settings.home,
        programs=programs,
        worker=worker,
    )


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """Lock the folder within the block. Raises ``Corrupt`` (code ``already_up``) while another server runs from it."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Corrupt("already_up", f"This server is already up: another run holds {lock.name}.") from None
        yield


def broker_in_use(settings: Settings, ports: Ports, environ: Mapping[str, str]) -> Broker:
    """Return the broker of ``AMQP_URL`` where it is given, else a private node under var/rabbitmq.

    Raises ``Corrupt``: ``broker_not_up`` when the given one lets nobody in, ``rabbitmq_missing``, ``bad_folder``.
    """
    if environ.get("AMQP_URL"):
        given = settings.amqp_url  # with the password of AMQP_PASSWORD_FILE in it
        if why := plan.why_unreachable(given):
            where = _without_passwords(given)
            raise Corrupt("broker_not_up", f"The broker of AMQP_URL ({where}) doesn't let us in. {why}")
        return Broker(amqp_url=given, management_url=settings.amqp_management_url.rstrip("/"), node=None)
    if not installed():
        raise Corrupt(
            "rabbitmq_missing",
            "RabbitMQ is not installed. Type: sudo apt-get update && sudo apt-get install -y rabbitmq-server\n"
            "or give the address of another broker in AMQP_URL.",
        )
    refuse_folder(settings.var)
    node = private_node(settings.var / "rabbitmq", ports)
    return Broker(amqp_url=node.amqp_url(), management_url=node.management_url(), node=node)


def private_node(folder: Path, ports: Ports) -> PrivateNode:
    """Return the private node. Its password lies among its data, because it is of no use without them."""
    return PrivateNode(
        folder,
        node_port=ports.broker,
        dist_port=ports.distribution,
        epmd_port=ports.epmd,
        management_port=ports.management,
        metrics_port=ports.broker_metrics,
        password=private_files.read_or_make(folder / "password", lambda: secrets.token_hex(16)),
    )


def kept_secrets(settings: Settings) -> Secrets:
    """Return Flower's secrets, made where they are missing."""
    write_key(settings.secret_key_file)
    return Secrets(
        flower_password=private_files.read_or_make(settings.var / "flower.password", lambda: secrets.token_hex(12)),
        flower_cookie=private_files.read_or_make(settings.var / "flower.cookie", lambda: secrets.token_hex(32)),
    )


def listeners(settings: Settings, ports: Ports, broker: Broker) -> list[Listener]:
    """List every address on which something will listen."""
    ours = ("broker", "management", "broker_metrics", "distribution", "epmd") if broker.node else ()
    named = {
        "broker": "RabbitMQ",
        "management": "RabbitMQ's management",
        "broker_metrics": "RabbitMQ's metrics",
        "distribution": "Erlang",
        "epmd": "Erlang's epmd",
    }
    return [
        *gateway_listeners(settings.endpoints),
        *(Listener(named[name], LOCAL, getattr(ports, name), variable(name)) for name in ours),
        Listener("Flower", LOCAL, ports.flower, variable("flower")),
    ]


def where(
    settings: Settings,
    families: Mapping[str, list[str]],
    *,
    broker: Broker,
    ports: Ports,
    environ: Mapping[str, str],
    join: Sequence[str],
    develops: bool = False,
) -> str:
    """Return the lines that tell a person at the terminal where things are; first where to play in a browser."""
    home = settings.home
    gateways = gateway_listeners(settings.endpoints, PLAYER)
    web, telnet = (gateway_listeners(settings.endpoints, kind) for kind in ("web", "telnet"))
    rows = [
        *(("play in a browser", f"{listener.site}/") for listener in web),
        *(("playground", f"{listener.site}{PLAYGROUND}") for listener in web if develops),
        *(("play in a terminal", _playing(home)) for _ in gateways[:1]),
        *(("by telnet", f"telnet {listener.host} {listener.port}, or a MUD client") for listener in telnet),
        *(("gateway", f"{listener.host}:{listener.port}") for listener in gateways),
        ("Flower", f"http://{LOCAL}:{ports.flower}  {_flower_access(settings, environ)}"),
        ("RabbitMQ management", _management(broker, home)),
        ("logs", _short(settings.var / "log", home)),
        *(("by hand", f"nc {listener.host} {listener.port}  {NC_FROM}") for listener in gateways[:1]),
        *(("", line) for line in join),
        *(("scale a family", _scaling(family, families[family], home)) for family in _busiest_first(families)[:1]),
        ("stop everything", "Ctrl-C"),
    ]
    return "\n".join(["", "The server is up.", "", *(f"  {name:<20} {text}".rstrip() for name, text in rows), ""])


def _flower_access(settings: Settings, environ: Mapping[str, str]) -> str:
    if "FLOWER_BASIC_AUTH" in environ:
        return "(user and password: your FLOWER_BASIC_AUTH)"
    return f"(user {USER}, password in {_short(settings.var / 'flower.password', settings.home)})"


def _management(broker: Broker, home: Path) -> str:
    if broker.node:
        password = _short(broker.node.folder / "password", home)
        return f"http://{LOCAL}:{broker.node.management_port}  (user {USER}, password in {password})"
    return _without_passwords(broker.management_url) or "(AMQP_MANAGEMENT_URL is not given)"


def _busiest_first(families: Iterable[str]) -> list[str]:
    busiest = catalogue.busiest_family()
    return sorted(families, key=lambda family: family != busiest)


def _scaling(family: str, queues: list[str], home: Path) -> str:
    celery = _short(Path(sys.executable).parent / "celery", home)
    return shlex.join([celery, *plan.worker_command(family, queues, number=2)])


def _playing(home: Path) -> str:
    command = f"{_short(Path(sys.executable).parent / 'gameserver', home)} play"
    return command if find_spec("textual") else f"{command}  (after: pip install 'gameserver[play]')"


def _short(path: Path, home: Path) -> str:
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _without_passwords(urls: str) -> str:
    parts = [urlsplit(node.url) for node in nodes(urls)]
    return ";".join(part._replace(netloc=part.netloc.rpartition("@")[2]).geturl() for part in parts)
