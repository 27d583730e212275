"""Commands for a game's author: ``new``, ``test``, ``migrations``."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command, add_group
from gameserver.declare.game_package import folder
from gameserver.errors import Rejected
from gameserver.local.game_check import begin_check
from gameserver.local.scaffold import new_game
from gameserver.store import own_migrations


def add(commands: Subparsers) -> None:
    """Add the commands for a game's author."""
    new = add_command(commands, "new", _new, "write a working game into a folder of its own")
    new.add_argument("name", help="of the game, its folder and its package: small letters, digits and _")
    add_command(commands, "test", _test, "run the tests of the game with pytest, which is given all options", rest=True)
    migrations = add_group(commands, "migrations", "the migrations of the game's own tables")
    make = add_command(migrations, "make", _make_migration, "write a migration for what no migration makes yet")
    make.add_argument("message", help="what it is for, in a few words")
    add_command(migrations, "check", _check_migrations, "say what the migrations lack: status 1 if anything")


def _new(arguments: argparse.Namespace) -> int:
    made = new_game(arguments.name, Path.cwd())
    print(f"{made} holds a game. Next: cd {made.name} && gameserver test && gameserver up")
    return 0


def _test(arguments: argparse.Namespace) -> int:
    """Run pytest where the game lies; its exit status is the command's.

    A game that cannot be read ends it before: pytest would say so once for each file, with a traceback.
    """
    if find_spec("pytest") is None:
        raise Rejected("no_pytest", "pytest is not installed. Type: pip install 'gameserver[test]'")
    begin_check(config.load())()
    return subprocess.run([sys.executable, "-m", "pytest", *arguments.rest], cwd=folder(), check=False).returncode


def _make_migration(arguments: argparse.Namespace) -> int:
    print(f"{own_migrations.make(arguments.message)} is written. Read it, keep it, then: gameserver migrate")
    return 0


def _check_migrations(arguments: argparse.Namespace) -> int:
    found = own_migrations.missing()
    for sentence in found:
        print(f"missing: {sentence}")
    print("gameserver migrations make MESSAGE would write that." if found else "No migration is missing.")
    return 1 if found else 0
