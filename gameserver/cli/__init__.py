"""The command line: ``gameserver up``, ``status``, ``advise``, ``tail``, ``trace``, ``bots``, ``events``, ``dead``, ...

The composition root of everything that is not a gateway or a Celery worker. There is a module for each group of
commands; its ``add`` adds them. Each command is a function of its arguments that returns an exit status; errors of the
project end it with a sentence.
"""

import argparse
import io
import os
import sys
from typing import TextIO

from gameserver.cli import bots, broker, catalogue, database, dead_letters, game, operations, secrets, up, world
from gameserver.cli.commands import Command, within
from gameserver.errors import GameError

GROUPS = (up, game, operations, bots, catalogue, dead_letters, database, world, broker, secrets)


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, or 1 when it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        _spare(stream)
    arguments = _parsed(argv)
    command: Command = arguments.command
    try:
        with within(arguments.s_max):
            return command(arguments)
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read what we print has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _spare(stream: TextIO) -> None:
    """Print "?" for what a terminal or a file can't show, instead of ending in an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def _parsed(argv: list[str] | None) -> argparse.Namespace:
    whole = parser()
    arguments, rest = whole.parse_known_args(argv)
    if rest and not arguments.takes_rest:
        whole.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    return arguments


def parser() -> argparse.ArgumentParser:
    """Build the parser of all commands; it puts the function to call into ``command``."""
    made = argparse.ArgumentParser(prog="gameserver", description=__doc__.split("\n", 1)[0])
    subparsers = made.add_subparsers(required=True, metavar="command")
    for group in GROUPS:
        group.add(subparsers)
    return made
