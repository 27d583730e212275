"""The command line: ``gameserver up``, ``bots``, ``events``, ``migrate``, ``key``.

The composition root of everything that is not a gateway or a Celery worker. Each command is a function of its
arguments that returns an exit status; errors of the project end it with a sentence.
"""

import argparse
import sys
from collections.abc import Callable

from gameserver import config
from gameserver.client import bots
from gameserver.config import Settings
from gameserver.errors import GameError
from gameserver.events import catalogue, document
from gameserver.secrecy import write_key
from gameserver.store import Store
from gameserver.topology import topology
from gameserver.up.up import up
from gameserver.wire import states
from gameserver.world.maps import load_world

JOIN = (
    '{"type":"hello","protocol":1}',
    '{"type":"register","name":"Ada","password":"a long secret"}',
    '{"type":"say","text":"hello"}',
    '{"type":"move","dir":"n"}',
)

Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, or 1 when it could not be done."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gameserver", description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    whole = _add(commands, "up", _up, "run the whole house on this machine until Ctrl-C")
    whole.add_argument("--bots", type=int, default=20, help="how many bots play along (default 20)")
    bots.add_arguments(_add(commands, "bots", bots.main, "connect a crowd of bots and measure"))
    events = _add(commands, "events", _events, "print the catalogue of events")
    events.add_argument("--markdown", action="store_true", help="the tables of docs/protocol.md")
    events.add_argument("--states", action="store_true", help="the session states as a Mermaid diagram")
    _add(commands, "migrate", _migrate, "bring the database to today's shape")
    _add(commands, "key", _key, "make the secret key that gateways and workers share")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=command)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    settings = config.load()
    write_key(settings.secret_key_file)
    plan = topology(settings.limits, settings.own_queues)
    families = {family: plan.queues_of(family) for family in catalogue.families()}
    return up(settings, families, environ=config.environment(), migrate=migrate, bots=arguments.bots, join=JOIN)


def migrate(settings: Settings) -> None:
    """Bring the database to today's shape."""
    store = Store(settings.database_url, load_world(settings.world_file))
    store.migrate()
    store.close()


def _migrate(arguments: argparse.Namespace) -> int:
    settings = config.load()
    migrate(settings)
    print("The database has today's shape.")
    return 0


def _key(arguments: argparse.Namespace) -> int:
    settings = config.load()
    write_key(settings.secret_key_file)
    print(f"The key is in {settings.secret_key_file}.")
    return 0


def _events(arguments: argparse.Namespace) -> int:
    if arguments.states:
        print(states.diagram())
    elif arguments.markdown:
        print(document.markdown())
    else:
        print(document.overview(config.load().own_queues))
    return 0


if __name__ == "__main__":
    sys.exit(main())
