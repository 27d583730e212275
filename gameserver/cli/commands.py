"""How a command is added to the parser."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Command = Callable[[argparse.Namespace], int]


def add_command(
    commands: Subparsers, name: str, command: Command, what: str, *, rest: bool = False
) -> argparse.ArgumentParser:
    """Add a command. Returns its parser, for its arguments.

    ``what``: one line for the help. ``rest``: the command passes arguments that it does not know on to another program,
    and finds them under this name.
    """
    parser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=command, takes_rest=rest)
    return parser


def add_group(commands: Subparsers, name: str, what: str) -> Subparsers:
    """Add a command that has commands of its own. Returns where to add those."""
    return commands.add_parser(name, help=what).add_subparsers(required=True, metavar="what")


def add_gateways(parser: argparse.ArgumentParser) -> None:
    """Add ``--gateways``, for commands that make something for each gateway."""
    parser.add_argument("--gateways", default="gateway1,gateway2", help="their GAMESERVER_GATEWAY_ID, with commas")
