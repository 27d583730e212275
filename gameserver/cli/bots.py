"""``gameserver bots``: a crowd that plays."""

from gameserver.cli.commands import Subparsers, add_command
from gameserver.client.bots import command


def add(commands: Subparsers) -> None:
    """Add ``bots``."""
    command.add_arguments(add_command(commands, "bots", command.main, "connect a crowd of bots and measure"))
