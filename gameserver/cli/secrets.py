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
    add_gateways(secret)


def _key(arguments: argparse.Namespace) -> int:
    settings = config.load()
    write_key(settings.secret_key_file)
    print(f"The key is in {settings.secret_key_file}.")
    return 0


def _secrets(arguments: argparse.Namespace) -> int:
    made = provisioning.make(arguments.folder, arguments.gateways.split(","))
    print(f"{arguments.folder}: made {', '.join(made) or 'nothing, everything is there'}.")
    return 0
