"""Secrets: ``key``, ``secrets``."""

import argparse
from pathlib import Path

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command, add_gateways
from gameserver.security import provisioning
from gameserver.security.sealing import write_key


def add(commands: Subparsers) -> None:
    """Add the commands that make secrets."""
    add_command(commands, "key", _key, "make the secret key that gateways and workers share")
    secret = add_command(commands, "secrets", _secrets, "make a deployment's secrets, as far as they are missing")
    secret.add_argument("folder", type=Path)
    secret.add_argument(
        "--renew", nargs="+", default=[], metavar="NAME", help="secrets to make anew, in the files that are there"
    )
    secret.add_argument("--owner", type=int, metavar="UID", help="whose the folder and its files shall be; for root")
    add_gateways(secret)


def _key(arguments: argparse.Namespace) -> int:
    settings = config.load()
    write_key(settings.secret_key_file)
    print(f"The key is in {settings.secret_key_file}.")
    return 0


def _secrets(arguments: argparse.Namespace) -> int:
    made = provisioning.make(arguments.folder, arguments.gateways.split(","), arguments.renew)
    if arguments.owner is not None:
        provisioning.give(arguments.folder, arguments.owner)
    print(f"{arguments.folder}: made {', '.join(made) or 'nothing, everything is there'}.")
    return 0
