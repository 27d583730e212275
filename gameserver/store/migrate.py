"""Migrations with Alembic, run by ``gameserver migrate`` and by whoever starts a house."""

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the tables to today's shape; nothing happens when they have it."""
    command.upgrade(configuration(url), "head")
