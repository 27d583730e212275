"""The commands ``gameserver world check`` and ``apply``: what changed maps do to those who are in the database."""

import argparse
from contextlib import closing
from pathlib import Path

from gameserver import config
from gameserver.cli.commands import Subparsers, add_command, add_group
from gameserver.cli.common import now_ms, open_store, while_database_answers
from gameserver.cli.database import print_counts
from gameserver.maps import pictures
from gameserver.maps.save_tiled import save
from gameserver.maps.world import load_world
from gameserver.operations import apply_maps
from gameserver.operations.current_maps import CurrentMaps
from gameserver.store import Store


def add(commands: Subparsers) -> None:
    """Add ``world`` and its commands."""
    world = add_group(commands, "world", "maps, and who stands in them")
    checking = add_command(
        world, "check", _world_check, "check maps, and say what they would do to the database; changes nothing"
    )
    checking.add_argument("file", type=Path, nargs="?", help="a .world file (default: GAMESERVER_WORLD)")
    add_command(world, "save", _world_save, "write what game masters have built into the maps' files")
    add_command(world, "apply", _world_apply, "bring the database in line with the maps")
    drawing = add_command(
        world, "pictures", _world_pictures, "draw each zone, and how all of them join, as SVG files into a folder"
    )
    drawing.add_argument("folder", type=Path, help="made if it is not there; pictures that are current are left alone")


def _world_check(arguments: argparse.Namespace) -> int:
    settings = config.load()
    world = load_world(arguments.file or settings.world_file)
    with while_database_answers(settings.database_url), closing(Store(settings.database_url, world)) as store:
        found = apply_maps.check(store, world, now_ms)
    print(f"The maps are sound: {len(world.zones)} zones.")
    print_counts(found)
    print("gameserver world apply would do that." if found else "Everyone in the database fits into it.")
    return 1 if found else 0


def _world_pictures(arguments: argparse.Namespace) -> int:
    path = config.load().world_file
    drawn = pictures.refresh(path, load_world(path), arguments.folder)
    print(f"Drawn anew in {arguments.folder}: {', '.join(drawn) or 'nothing, all pictures were current'}.")
    return 0


def _world_save(arguments: argparse.Namespace) -> int:
    settings = config.load()
    world = load_world(settings.world_file)
    with while_database_answers(settings.database_url), closing(Store(settings.database_url, world)) as store:
        CurrentMaps(store, now_ms).refresh()
        written = save(settings.world_file, store.world)
    print(f"Written: {', '.join(written)}." if written else "The files show all that was built.")
    print("Bring them to all workers and restart these; then gameserver world apply forgets the changes.")
    return 0


def _world_apply(arguments: argparse.Namespace) -> int:
    with while_database_answers(config.load().database_url), open_store(to_write=True) as store:
        done = apply_maps.apply(store, store.world, now_ms)
    print_counts(done)
    print("The database fits the maps.")
    return 0
