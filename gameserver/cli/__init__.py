"""The command line: ``gameserver up``, ``status``, ``advise``, ``tail``, ``trace``, ``bots``, ``events``, ``dead``, ...

The composition root of everything that is not a gateway or a Celery worker. There is a module for each group of
commands; its ``add`` adds them, and it is imported when one of them is given. Each command is a function of its
arguments that returns an exit status; errors of the project end it with a sentence.
"""

import argparse
import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from typing import TextIO

from gameserver.cli.commands import Command, commands_of, within
from gameserver.errors import GameError
from gameserver.runtime.startup_errors import said_of

NUMBER_MAX = 10**9  # as an argument

# The modules with commands, in the order of the help.
GROUPS = {
    "up": ("up", "dev"),
    "play": ("play",),
    "authoring": ("new", "test", "migrations"),
    "operations": ("status", "advise", "tail", "trace", "announce", "queues"),
    "scale": ("scale",),
    "bots": ("bots",),
    "catalogue": ("events", "catalogue"),
    "dead_letters": ("dead",),
    "database": ("migrate", "copy", "backup"),
    "world": ("world",),
    "player_roles": ("roles",),
    "broker": ("declare", "broker-users"),
    "secrets": ("key", "secrets"),
}


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, or 1 when it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        _spare(stream)
    try:
        arguments = _parsed(argv)  # which imports the game, whose declarations may be wrong
        command: Command = arguments.command
        with within(arguments.s_max):
            status = command(arguments)
        sys.stdout.flush()  # here, where it can be said that there is no room for it
        return status
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read what we print has had enough
        _give_up_output()
        return 1
    except OSError as error:  # a file that can't be read or written, a full disk
        print(f"gameserver: {said_of(error)}", file=sys.stderr)
        _give_up_output()
        return 1


def _give_up_output() -> None:
    """Let what was not printed yet go nowhere: Python tries once more at its end, and complains."""
    with suppress(OSError, ValueError):  # it has no file, as in tests, or is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spare(stream: TextIO) -> None:
    """Print "?" for what a terminal or a file can't show, instead of ending in an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def _parsed(argv: list[str] | None) -> argparse.Namespace:
    words = sys.argv[1:] if argv is None else argv
    whole = parser(_groups(words[:1]))
    arguments, rest = whole.parse_known_args(words)
    if rest and not arguments.takes_rest:
        whole.error(f"unrecognized arguments: {' '.join(rest)}")
    for name, value in vars(arguments).items():
        if fault := _fault_of(value):
            whole.error(f"{name}: {fault}")
    arguments.rest = rest
    return arguments


def _fault_of(value: object) -> str:
    """Say what is wrong with an argument for any command. A path may be of any bytes."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return f"{value!a} is no text in UTF-8"
    if isinstance(value, int | float) and not 0 <= value <= NUMBER_MAX:  # nor is NaN
        return f"{value} is not a number from 0 to {NUMBER_MAX}"
    return ""


def _groups(first: list[str]) -> Iterable[str]:
    """Find the module of the command that is given; all of them where it is none, for the help."""
    return [module for module, commands in GROUPS.items() if set(first) & set(commands)] or GROUPS


def parser(groups: Iterable[str] = GROUPS) -> argparse.ArgumentParser:
    """Build the parser of these modules' commands; it puts the function to call into ``command``."""
    made = argparse.ArgumentParser(prog="gameserver", description=__doc__.split("\n", 1)[0])
    subparsers = commands_of(made, metavar="command")
    for module in groups:
        import_module(f"{__name__}.{module}").add(subparsers)
    return made
