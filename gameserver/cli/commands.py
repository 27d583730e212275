"""How a command is added to the parser."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

from gameserver.errors import Retryable

ANSWER_S_MAX = 30.0  # for what asks a broker, a database or a running deployment and prints the answer
AGAIN_S = 3.0  # for what is done at the end, which may wait for the same that does not answer

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Command = Callable[[argparse.Namespace], int]


def add_command(
    commands: Subparsers, name: str, command: Command, what: str, *, rest: bool = False, s_max: float = 0.0
) -> argparse.ArgumentParser:
    """Add a command. Returns its parser, for its arguments.

    ``what``: one line for the help. ``rest``: the command passes arguments that it does not know on to another program,
    and finds them under this name. ``s_max``: it ends within so many seconds, come what may; 0 for one that takes as
    long as its work.
    """
    parser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=command, takes_rest=rest, s_max=s_max)
    return parser


@contextmanager
def within(s_max: float) -> Iterator[None]:
    """Raise ``Retryable`` ``no_answer`` in the block when it takes longer than so many seconds, and again. 0: no bound.

    Everything that a command waits for has a bound of its own and a better sentence; this is for what was forgotten.
    """

    def end(*_: object) -> None:
        raise Retryable("no_answer", f"Nothing came of it within {s_max:g} s: the broker or the database hangs.")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, s_max, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def add_group(commands: Subparsers, name: str, what: str) -> Subparsers:
    """Add a command that has commands of its own. Returns where to add those."""
    return commands_of(commands.add_parser(name, help=what), metavar="what")


def commands_of(parser: argparse.ArgumentParser, *, metavar: str) -> Subparsers:
    """Give a parser commands. Who names none of them is shown them all."""
    parser.set_defaults(command=partial(_list_commands, parser), takes_rest=False, s_max=0.0)
    return parser.add_subparsers(metavar=metavar)


def _list_commands(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    parser.print_help(sys.stderr)
    return 2


def add_gateways(parser: argparse.ArgumentParser) -> None:
    """Add ``--gateways``, for commands that make something for each gateway."""
    parser.add_argument("--gateways", default="gateway1,gateway2", help="their GAMESERVER_GATEWAY_ID, with commas")
