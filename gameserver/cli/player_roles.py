"""``gameserver roles``: what some players may do that others may not."""

import argparse

from msgspec.structs import replace

from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, add_group
from gameserver.cli.common import open_store
from gameserver.declare.entity import actor_kind
from gameserver.declare.roles import Role, roles
from gameserver.errors import Rejected
from gameserver.rules.needs import ids


def add(commands: Subparsers) -> None:
    """Add ``roles`` and its commands."""
    group = add_group(commands, "roles", "what some players may do that others may not")
    add_command(group, "list", _list, "the roles of this game")
    for name, command, what in (
        ("grant", _grant, "give a player a role; it counts from the player's next event on"),
        ("revoke", _revoke, "take a role away from a player"),
    ):
        parser = add_command(group, name, command, what, s_max=ANSWER_S_MAX)
        parser.add_argument("player", help="the player's name")
        parser.add_argument("role", help="one of those that gameserver roles list prints")


def _list(arguments: argparse.Namespace) -> int:
    for name, role in sorted(roles().items()):
        print(f"{name}  {role.what}")
    return 0


def _grant(arguments: argparse.Namespace) -> int:
    _set(arguments, 1)
    print(f"{arguments.player} has the role {arguments.role}.")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    _set(arguments, 0)
    print(f"{arguments.player} has the role {arguments.role} no more.")
    return 0


def _set(arguments: argparse.Namespace, value: int) -> None:
    """Write the role into the player's component. Raises ``Rejected`` where there is no such role or player."""
    role, id_ = _role(arguments.role), arguments.player.lower()
    with open_store(to_write=True) as store, store.transaction() as transaction:
        state = transaction.load([(ids(actor_kind(), id_), ids(role.component, id_))])
        component = state.get(role.component, id_)
        if component is None:
            raise Rejected("no_such_player", f"Nobody is called {arguments.player}.")
        transaction.save([replace(component, **{role.field: value})], [])


def _role(name: str) -> Role:
    if name not in roles():
        raise Rejected("no_such_role", f"This game has no role {name}; it has: {', '.join(sorted(roles())) or 'none'}.")
    return roles()[name]
