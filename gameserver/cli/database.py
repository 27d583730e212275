"""The database's commands: ``migrate``, ``copy``, ``backup``."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command
from gameserver.cli.common import now_ms, open_store, server_ms, while_database_answers
from gameserver.config import Settings
from gameserver.maps.world import load_world
from gameserver.operations import apply_maps
from gameserver.store import Store
from gameserver.store.backup import backup
from gameserver.store.copy_database import Copied, copy


def add(commands: Subparsers) -> None:
    """Add the database's commands."""
    add_command(commands, "migrate", _migrate, "bring the database to today's shape, and in line with the maps")
    copying = add_command(
        commands, "copy", _copy, "copy the database into an empty one, and check that nothing is missing"
    )
    copying.add_argument("--to", required=True, metavar="URL", help="postgresql://user@host/name, or sqlite:///path")
    saving = add_command(commands, "backup", _backup, "copy a SQLite world to a file, while players play")
    saving.add_argument("file", type=Path)


def bring_up_to_date(settings: Settings) -> Mapping[str, int]:
    """Bring the database to today's shape, and in line with the maps if they are others. Returns what that did."""
    world = load_world(settings.world_file)
    store = Store(settings.database_url, world)
    try:
        store.migrate()
        return {} if apply_maps.is_applied(store, world) else apply_maps.apply(store, world, now_ms)
    finally:
        store.close()


def print_counts(done: Mapping[str, int]) -> None:
    for what, count in sorted(done.items()):
        print(f"{count:>9} {what}")


def _migrate(arguments: argparse.Namespace) -> int:
    settings = config.load()
    with while_database_answers(settings.database_url):
        done = bring_up_to_date(settings)
    print("The database has today's shape.")
    print_counts(done)
    return 0


def _copy(arguments: argparse.Namespace) -> int:
    settings = config.load()
    copied: list[Copied] = []
    with while_database_answers(settings.database_url), while_database_answers(arguments.to):
        with open_store() as store:
            now_ms = server_ms(store)
        copy(settings.database_url, arguments.to, now_ms, copied.append)
    for table in copied:
        print(f"{table.table:<14} {table.rows:>9} rows  {table.digest[:16]}")
    print("Everything is there. Give the new address to all workers in DATABASE_URL, and keep the old one for a while.")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    size = backup(config.load().database_url, arguments.file)
    print(f"{arguments.file}: {size} bytes, whole. Keep the secret key beside it, in a place as safe.")
    return 0
