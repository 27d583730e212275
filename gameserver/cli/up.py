"""``gameserver up`` and ``gameserver dev``: everything on this machine."""

import argparse

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command
from gameserver.cli.common import queues_of_families
from gameserver.cli.database import bring_up_to_date, print_counts
from gameserver.cli.dev_reload import followed
from gameserver.local.game_check import read_game
from gameserver.local.run import Followed, up
from gameserver.security.sealing import write_key

JOIN = (
    '{"type":"hello","protocol":1}',
    '{"type":"register","name":"Ada","password":"a long secret"}',
    '{"type":"say","text":"hello"}',
    '{"type":"move","dir":"n"}',
)


def add(commands: Subparsers) -> None:
    """Add ``up`` and ``dev``."""
    whole = add_command(commands, "up", _up, "run a whole server on this machine until Ctrl-C")
    whole.add_argument("--bots", type=int, default=20, help="how many bots play along (default 20)")
    whole.add_argument(
        "--worker-per-family",
        action="store_true",
        help="a worker for each family, instead of one with two children for all: more memory, faster under load",
    )
    dev = add_command(commands, "dev", _dev, "the same, and what is saved in the game's files counts at once")
    dev.add_argument("--bots", type=int, default=0, help="how many bots play along (default 0)")
    dev.set_defaults(worker_per_family=True)


def _up(arguments: argparse.Namespace) -> int:
    return _run(arguments, None)


def _dev(arguments: argparse.Namespace) -> int:
    return _run(arguments, followed())


def _run(arguments: argparse.Namespace, followed: Followed | None) -> int:
    settings = config.load()
    read_game(settings)
    write_key(settings.secret_key_file)
    return up(
        settings,
        queues_of_families(settings),
        environ=config.environment(),
        migrate=lambda s: print_counts(bring_up_to_date(s)),
        bots=arguments.bots,
        join=JOIN,
        followed=followed,
        one_worker=not arguments.worker_per_family,
    )
