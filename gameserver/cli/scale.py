"""``gameserver scale``: workers come and go with the load."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from gameserver import config
from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, within
from gameserver.cli.common import open_store, queues_of_families
from gameserver.cli.operations import look
from gameserver.config import Settings
from gameserver.errors import Rejected
from gameserver.local.scaled_workers import COMMAND_LOG, CommandedWorkers, DaemonWorkers, SupervisedWorkers
from gameserver.operations.collect import FromDatabase, connections_of
from gameserver.operations.scaler import Hands, Scaler
from gameserver.operations.scaling import Bounds
from gameserver.operations.snapshot import Database, Snapshot

POLL_S = 1.0


def add(commands: Subparsers) -> None:
    """Add ``scale``."""
    scale = add_command(commands, "scale", _scale, "start and stop workers with the load, and say why; until Ctrl-C")
    scale.add_argument("--act", action="store_true", help="do it; without this it is only said what would be done")
    scale.add_argument(
        "--workers",
        action="append",
        default=[],
        metavar="[FAMILY=]LEAST:MOST",
        help="how many workers a family has at least and at most (default 1:8); with a family first, that one alone; "
        "repeatable. FAMILY=0:0 leaves one alone",
    )
    scale.add_argument(
        "--by",
        choices=("supervisor", "multi"),
        default="supervisor",
        help="who starts workers: supervisord of `gameserver up` (default), or celery multi",
    )
    scale.add_argument(
        "--command",
        dest="template",
        default="",
        help="or a command, with {family} and {count} in it, that sees to so many workers: docker compose, kubectl",
    )


def _scale(arguments: argparse.Namespace) -> int:
    settings = config.load()
    families = queues_of_families(settings)
    bounds = read_bounds(arguments.workers, list(families))
    hands = _hands(arguments, settings, families)
    with _asking(settings) as ask:
        scaler = Scaler(
            _bounded(look(), ask),
            bounds,
            hands,
            act=arguments.act,
            one_writer=_is_sqlite(settings),
            clock_s=time.monotonic,
            say=_say,
        )
        _say(_format_start(bounds, act=arguments.act))
        while True:
            scaler.look()
            time.sleep(POLL_S)


def _hands(arguments: argparse.Namespace, settings: Settings, families: Mapping[str, Sequence[str]]) -> Hands:
    environ = config.environment()
    if arguments.template:
        return CommandedWorkers(arguments.template, settings.var / COMMAND_LOG, environ, settings.home)
    if arguments.by == "multi":
        return DaemonWorkers(settings.var, environ, settings.home)
    return SupervisedWorkers(settings.var, families, settings.log_level)


def _is_sqlite(settings: Settings) -> bool:
    return settings.database_url.startswith("sqlite")


@contextmanager
def _asking(settings: Settings) -> Iterator[Callable[[], FromDatabase]]:
    """A function that asks the database server for its connections, and nothing else: what waits is known without it.

    SQLite has none, and is not opened.
    """
    if _is_sqlite(settings):
        yield lambda: FromDatabase(database=Database())
        return
    with open_store() as store:
        yield lambda: FromDatabase(database=connections_of(store))


def _bounded(take: Callable[..., Snapshot], ask: Callable[[], FromDatabase]) -> Callable[..., Snapshot]:
    def taken(**how: frozenset[str]) -> Snapshot:
        with within(ANSWER_S_MAX):
            return take(**how, from_database=ask)

    return taken


def read_bounds(texts: Sequence[str], families: Sequence[str]) -> dict[str, Bounds]:
    """Read ``--workers``. Raises ``Rejected``. Families that may have none are left out."""
    bounds = dict.fromkeys(families, Bounds())
    for text in sorted(
        texts, key=lambda text: "=" in text
    ):  # what is said of one family goes before what is said of all
        family, _, numbers = text.rpartition("=")
        if family and family not in bounds:
            raise Rejected("no_such_family", f"There is no family {family}: {', '.join(families)}.")
        bounds |= dict.fromkeys([family] if family else families, _bounds(text, numbers))
    return {family: each for family, each in bounds.items() if each.most}


def _bounds(text: str, numbers: str) -> Bounds:
    least, _, most = numbers.partition(":")
    if not (least.isdecimal() and most.isdecimal() and int(least) <= int(most)):
        raise Rejected("bad_bounds", f"--workers {text}: it is [FAMILY=]LEAST:MOST, as in 1:8 or movement=2:12.")
    return Bounds(int(least), int(most))


def _format_start(bounds: Mapping[str, Bounds], *, act: bool) -> str:
    each = ", ".join(f"{family} {bound.least} to {bound.most}" for family, bound in bounds.items())
    doing = "Workers are started and stopped" if act else "Nothing is done without --act: what would be is said"
    return f"{doing}. Workers of each family: {each}."


def _say(sentence: str) -> None:
    print(time.strftime("%H:%M:%S"), sentence, flush=True)
