"""Commands for a game's author: ``new``, ``test``."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from gameserver.cli.commands import Subparsers, add_command
from gameserver.declare.game import folder
from gameserver.errors import Rejected
from gameserver.local.scaffold import new_game


def add(commands: Subparsers) -> None:
    """Add the commands for a game's author."""
    new = add_command(commands, "new", _new, "write a working game into a folder of its own")
    new.add_argument("name", help="of the game, its folder and its package: small letters, digits and _")
    add_command(commands, "test", _test, "run the tests of the game with pytest, which is given all options", rest=True)


def _new(arguments: argparse.Namespace) -> int:
    made = new_game(arguments.name, Path.cwd())
    print(f"{made} holds a game. Next: cd {made.name} && gameserver test && gameserver up")
    return 0


def _test(arguments: argparse.Namespace) -> int:
    """Run pytest where the game lies; its exit status is the command's."""
    if find_spec("pytest") is None:
        raise Rejected("no_pytest", "pytest is not installed. Type: pip install 'gameserver[test]'")
    return subprocess.run([sys.executable, "-m", "pytest", *arguments.rest], cwd=folder(), check=False).returncode
