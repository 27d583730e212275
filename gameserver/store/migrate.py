"""Migrations with Alembic, run by ``gameserver migrate`` and by `gameserver up`.

Alembic is imported where it is used: it takes a tenth of a second, which commands that only look need not spend.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Engine

from gameserver.declare.game_package import game, package
from gameserver.declare.importing import faults_named, imported
from gameserver.declare.source_locations import place_of_value
from gameserver.errors import Corrupt
from gameserver.store.engine import open_engine

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent / "migrations"
ENGINE_VERSIONS = FOLDER / "versions"
REVISION_CHARS_MAX = 32  # of the column in which Alembic keeps it


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

    Raises ``Corrupt`` ``bad_migration`` for migrations that do not fit together, or not the database.
    """
    from alembic import command
    from alembic.util import CommandError

    heads()
    _check_known(url)
    try:
        command.upgrade(configuration(url), "heads")
    except CommandError as error:
        raise Corrupt("bad_migration", f"The database cannot be migrated: {error}.") from error


def _check_known(url: str) -> None:
    engine = open_engine(url)
    try:
        with engine.connect():  # where the database is away, SQLAlchemy's error says so
            found = shape(engine)
    finally:
        engine.dispose()
    if not found.known:
        raise Corrupt("bad_migration", f"{found}.")


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
    return Shape(", ".join(at), ", ".join(heads()), {*at} <= {"?", *revisions()})


def _revisions_of(engine: Engine) -> list[str]:
    """Read past SQLAlchemy, which would begin a transaction that writes: on SQLite one may be open."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT version_num FROM alembic_version")
        return sorted(str(row[0]) for row in cursor.fetchall())
    except Exception as error:
        return [] if "alembic_version" in str(error) else ["?"]
    finally:
        connection.close()
