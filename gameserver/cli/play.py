"""``gameserver play``: play in this terminal."""

import argparse
import sys
from importlib.util import find_spec

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command
from gameserver.config import PLAYER
from gameserver.errors import Rejected
from gameserver.local.ports import gateway_listeners

NO_TERMINAL = "This is no terminal to play in: input or output is a file or another program's."
EXTRA = "textual is not installed. Type: pip install 'gameserver[play]'"


def add(commands: Subparsers) -> None:
    """Add ``play``."""
    playing = add_command(commands, "play", _play, "play in this terminal: a map, what is said, a line to type")
    playing.add_argument(
        "address", nargs="*", help="gateways as host:port, tried in turn (default: that of GAMESERVER_ENDPOINTS)"
    )
    playing.add_argument("--name", default="", help="of your player")


def _play(arguments: argparse.Namespace) -> int:
    if find_spec("textual") is None:
        raise Rejected("no_textual", EXTRA)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Rejected("no_terminal", NO_TERMINAL)
    from gameserver.client.play.app import PlayApp

    app = PlayApp([_address(text) for text in arguments.address] or _own(), arguments.name)
    status = app.run()
    return app.return_code or status or 0


def _address(text: str) -> tuple[str, int]:
    found = config.address("address", text)
    if found is None:
        raise Rejected("bad_address", f"{text!r} is not host:port.")
    return found.host, found.port


def _own() -> list[tuple[str, int]]:
    """The gateways of this folder's server."""
    found = gateway_listeners(config.load().endpoints, PLAYER)
    if not found:
        raise Rejected("bad_address", "GAMESERVER_ENDPOINTS has no gateway to connect to: give its host:port.")
    return [(listener.host, listener.port) for listener in found]
