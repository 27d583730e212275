"""Migrations with Alembic, run by ``gameserver migrate`` and by `gameserver up`.

Alembic is imported where it is used: it takes a tenth of a second, which commands that only look need not spend.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Engine, inspect

from gameserver.declare.game_package import game, package
from gameserver.declare.importing import faults_named, imported
from gameserver.declare.source_locations import place_of_value
from gameserver.errors import Corrupt, GameError
from gameserver.store.engine import open_engine
from gameserver.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent / "migrations"
ENGINE_VERSIONS = FOLDER / "versions"
REVISION_CHARS_MAX = 32  # of the column in which Alembic keeps it
VERSION_TABLE = "alembic_version"
UNREADABLE = "?"  # instead of the migrations of a database that does not tell them
NO_SUCH_TABLE = "42P01"  # PostgreSQL's
NAMED_MAX = 3  # tables, in a sentence


class Shape(msgspec.Struct, frozen=True):
    """Which migrations a database stands at ("" for none, "?" where it can't be told), and which this code wants.

    The game's own are a branch beside the engine's, so there may be two, with a comma between. ``known``: whether this
    code has all of those.
    """

    at: str
    wanted: str
    known: bool

    @property
    def fits(self) -> bool:
        """Whether it has the tables that this code expects."""
        return self.at == self.wanted

    def __str__(self) -> str:
        if self.known:
            return f"The database is at migration {self.at or 'none'} and lacks {self.wanted}: gameserver migrate"
        return (
            f"The database is at migration {self.at}, which this code (it has up to {self.wanted}) does not know: "
            "a newer version or another game migrated it. Use that one's code, or another database"
        )


def own_versions() -> Path:
    """Return where the migrations of the game's own tables stand, or shall. The bundled game's are the engine's."""
    name = package()
    return (
        ENGINE_VERSIONS if name.startswith("gameserver.") else Path(imported(name).__path__[0]) / "migrations/versions"
    )


def version_locations() -> list[Path]:
    """Return the folders of all migrations: the engine's and, where there are any, the game's own."""
    game()  # makes its package importable
    return list(dict.fromkeys([ENGINE_VERSIONS, *(folder for folder in [own_versions()] if folder.is_dir())]))


def configuration(url: str, locations: Sequence[Path] | None = None) -> "Config":
    """Make Alembic's configuration without a file of its own. ``locations``: folders of migrations, all by default."""
    from alembic.config import Config

    folders = version_locations() if locations is None else locations
    config = Config()
    options = {"script_location": str(FOLDER), "version_locations": os.pathsep.join(map(str, folders))}
    for name, value in {**options, "path_separator": "os"}.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the tables to today's shape; nothing happens when they have it.

    Raises ``Corrupt`` ``bad_migration`` for migrations that do not fit together, or not the database. What is in it
    then stays as it was.
    """
    from alembic import command
    from alembic.util import CommandError

    heads()
    _check(url, _fault_before)
    try:
        command.upgrade(configuration(url), "heads")
    except CommandError as error:
        raise Corrupt("bad_migration", f"The database cannot be migrated: {error}.") from error


def refuse_lacking(url: str) -> None:
    """Raise ``Corrupt`` ``bad_migration`` where a database that has all migrations lacks a table."""
    _check(url, _fault_after)


def _check(url: str, fault: Callable[[Engine, list[str]], str]) -> None:
    """Raise ``Corrupt`` for what is wrong with the database, of whose tables the names are given."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:  # where the database is away, SQLAlchemy's error says so
            tables = sorted(inspect(connection).get_table_names())
        found = fault(engine, tables)
    finally:
        engine.dispose()
    if found:
        raise Corrupt("bad_migration", f"{found}.")


def _fault_before(engine: Engine, tables: list[str]) -> str:
    found = shape(engine)
    if not found.known:
        return str(found)
    if found.at == UNREADABLE:
        return (
            f"The table {VERSION_TABLE} of the database can't be read: another program made it, or a right is missing"
        )
    others = [] if found.at else [table for table in tables if table != VERSION_TABLE]
    if others:
        return (
            f"The database holds tables that no migration of ours made ({_listed(others)}): another program's, or ours "
            f"without the table {VERSION_TABLE}. Give an empty database"
        )
    return ""


def _fault_after(engine: Engine, tables: list[str]) -> str:
    """Another game's migrations may have the names of ours, and then nothing was done."""
    missing = sorted({table.name for table in metadata().sorted_tables}.difference(tables))
    if not missing:
        return ""
    return (
        f"The database is at migration {shape(engine).at} and has no table {_listed(missing)}: another game whose "
        "migrations have the same names made it, or something was removed, or the game lacks a migration "
        "(gameserver migrations check)"
    )


def _listed(names: Sequence[str]) -> str:
    """Name the first few, with commas."""
    return ", ".join(names[:NAMED_MAX]) + (", ..." if len(names) > NAMED_MAX else "")


def heads() -> list[str]:
    """Return the newest migrations: the engine's and the game's.

    Raises ``Corrupt`` ``bad_migration`` where one of these has two that are newest.
    """
    with bad_migrations_named():
        scripts = _scripts()
        found = scripts.get_revisions("heads")
        names = {script.revision: Path(script.path) for script in scripts.walk_revisions()}
    for name, file in names.items():
        if len(name) > REVISION_CHARS_MAX:
            raise Corrupt("bad_migration", f"{file}: revision has {REVISION_CHARS_MAX} characters at most: {name}.")
    files = [Path(script.path) for script in found if script is not None]
    for file, other in combinations(files, 2):
        if file.parent == other.parent:
            both = f"{_following(file)} and {_following(other)} both follow the same migration"
            raise Corrupt("bad_migration", f"{both}: let one follow the other.")
    return sorted(script.revision for script in found if script is not None)


def _following(file: Path) -> str:
    """The line of a migration that names the one before it."""
    return place_of_value(file, "down_revision")


@contextmanager
def bad_migrations_named() -> Iterator[None]:
    """Raise ``Corrupt`` ``bad_migration`` with a place for what goes wrong in the block, and for Alembic's warnings."""
    folders = version_locations()
    with warnings.catch_warnings(), faults_named("bad_migration", folders, str(folders[-1])):
        warnings.filterwarnings("error", "Revision ", UserWarning)
        yield


def revisions() -> list[str]:
    """Return the migrations that this code knows."""
    return [script.revision for script in _scripts().walk_revisions()]


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(configuration(""))


def shape(engine: Engine) -> Shape:
    """Say which migrations a database stands at."""
    at = _revisions_of(engine)
    return Shape(", ".join(at), ", ".join(heads()), {*at} <= {UNREADABLE, *revisions()})


def _revisions_of(engine: Engine) -> list[str]:
    """Read past SQLAlchemy, which would begin a transaction that writes: on SQLite one may be open."""
    try:
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
            return sorted(str(row[0]) for row in cursor.fetchall())
    except GameError:  # it takes too long
        raise
    except Exception as error:
        none_yet = getattr(error, "sqlstate", "") == NO_SUCH_TABLE or f"no such table: {VERSION_TABLE}" in str(error)
        return [] if none_yet else [UNREADABLE]
