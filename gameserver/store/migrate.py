"""Migrations with Alembic, run by ``gameserver migrate`` and by `gameserver up`."""

from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

FOLDER = Path(__file__).parent / "migrations"


class Shape(msgspec.Struct, frozen=True):
    """Which migration a database stands at ("" for none, "?" where it can't be told), and which this code knows."""

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
        return f"The database is at migration {self.at}, newer than {self.wanted}: this is an older version's process"


def configuration(url: str) -> Config:
    """Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the tables to today's shape; nothing happens when they have it."""
    command.upgrade(configuration(url), "head")


def revisions() -> list[str]:
    """The migrations that this code knows, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(configuration("")).walk_revisions()]


def shape(engine: Engine) -> Shape:
    """Say which migration a database stands at."""
    known, at = revisions(), _revision(engine)
    return Shape(at, known[0], at in ("", "?", *known))


def _revision(engine: Engine) -> str:
    """Read past SQLAlchemy, which would begin a transaction that writes: on SQLite one may be open."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT version_num FROM alembic_version")
        return str((cursor.fetchone() or ("",))[0])
    except Exception as error:
        return "" if "alembic_version" in str(error) else "?"
    finally:
        connection.close()
