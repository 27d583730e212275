"""The broker's commands: ``declare``, ``broker-users``."""

import argparse

from gameserver import config
from gameserver.broker.declare_queues import ensure_topology
from gameserver.broker.permissions import users
from gameserver.broker.topology import topology
from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, add_gateways
from gameserver.operations.inspector import Inspector


def add(commands: Subparsers) -> None:
    """Add the broker's commands."""
    add_command(
        commands,
        "declare",
        _declare,
        "make exchanges and queues on the broker, for users who may not",
        s_max=ANSWER_S_MAX,
    )
    add_gateways(add_command(commands, "broker-users", _broker_users, "print who may do what on the broker"))


def _declare(arguments: argparse.Namespace) -> int:
    settings = config.load()
    with Inspector(settings.amqp_url).connection() as connection:
        ensure_topology(connection, topology(settings.limits, settings.queues))
    print("Exchanges and queues stand.")
    return 0


def _broker_users(arguments: argparse.Namespace) -> int:
    for user in users(arguments.gateways.split(",")):
        print(f"{user.name}{' (' + ', '.join(user.tags) + ')' if user.tags else ''}")
        print(f"  configure {user.configure}\n  write     {user.write}\n  read      {user.read}")
    return 0
