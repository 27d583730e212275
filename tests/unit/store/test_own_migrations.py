"""A game's own migrations stand beside the engine's: written by a command, missed by a check, applied together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from gameserver.errors import Corrupt
from gameserver.local.scaffold import new_game
from gameserver.store import migrate as migrate_module
from gameserver.store.engine import open_engine

ROOT = Path(__file__).parents[3]
ENTITIES = '''"""What lies about."""

from gameserver.declare.entity import Entity, entity


@entity(indexes=("holder",))
class Shell(Entity, frozen=True):
    """A shell on the beach."""

    id: str
    holder: str = ""
    weight: int = 1
'''


def gameserver(folder: Path, *words: str, status: int = 0, url: str = "") -> str:
    known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
    environ = {**known, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "gameserver", *words],
        cwd=folder,
        env={**environ, "DATABASE_URL": url} if url else environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def isle(tmp_path: Path) -> Path:
    made = new_game("isle", tmp_path)
    (made / "isle" / "beach").mkdir()
    (made / "isle" / "beach" / "__init__.py").touch()
    (made / "isle" / "beach" / "entities.py").write_text(ENTITIES)
    return made


def tables(url: str) -> dict[str, set[str]]:
    engine = open_engine(url)
    try:
        found = inspect(engine)
        return {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    finally:
        engine.dispose()


def test_what_lacks_is_said_written_and_applied_beside_the_engines(isle: Path, database_url: str) -> None:
    assert "missing: add_table shells" in gameserver(isle, "migrations", "check", status=1)
    assert "isle_0003_shells.py is written" in gameserver(isle, "migrations", "make", "shells")
    assert "No migration is missing" in gameserver(isle, "migrations", "check")
    gameserver(isle, "migrate", url=database_url)
    entities = isle / "isle" / "beach" / "entities.py"
    later = ENTITIES.replace("weight: int = 1", 'weight: int = 1\n    colour: str = ""')
    entities.write_text(later.replace('indexes=("holder",)', 'indexes=("holder",), added=("colour",)'))
    assert "missing: add_column shells.colour" in gameserver(isle, "migrations", "check", status=1)
    assert "isle_0004_colours.py is written" in gameserver(isle, "migrations", "make", "colours")
    gameserver(isle, "migrate", url=database_url)
    made = tables(database_url)
    assert made["shells"] == {"id", "holder", "weight", "colour"}
    assert {"outbox", "players"} <= made.keys()
    gameserver(isle, "migrate", url=database_url)


def test_a_server_with_a_migration_missing_does_not_start(isle: Path) -> None:
    assert "gameserver migrations make" in gameserver(isle, "up", status=1)
    assert not (isle / "var" / "rabbitmq").exists()


def test_there_is_nothing_to_write_where_nothing_is_missing(isle: Path) -> None:
    gameserver(isle, "migrations", "make", "shells")
    assert "make all that" in gameserver(isle, "migrations", "make", "again", status=1)


def test_two_migrations_that_follow_the_same_are_named(isle: Path) -> None:
    gameserver(isle, "migrations", "make", "shells")
    (first,) = (isle / "isle" / "migrations" / "versions").glob("isle_0003*.py")
    text = first.read_text().replace("isle_0003", "isle_0003b")
    first.with_name("isle_0003b_shells.py").write_text(text)
    said = gameserver(isle, "migrate", status=1)
    assert "isle_0003_shells.py" in said
    assert "isle_0003b_shells.py" in said


def test_a_table_of_the_engines_is_not_the_games(isle: Path) -> None:
    text = ENTITIES.replace("@entity(", '@entity(table="purses", ')
    (isle / "isle" / "beach" / "entities.py").write_text(text.replace("purses", "facts"))
    said = gameserver(isle, "migrations", "check", status=1)
    assert "entities.py" in said
    assert "facts" in said


def test_the_bundled_game_lacks_no_migration() -> None:
    from gameserver.store.own_migrations import missing

    assert missing() == []


def test_a_database_of_another_game_is_refused_with_a_sentence(isle: Path, tmp_path: Path) -> None:
    gameserver(isle, "migrations", "make", "shells")
    url = f"sqlite:///{tmp_path / 'world.sqlite'}"
    gameserver(isle, "migrate", url=url)
    with pytest.raises(Corrupt, match=r"this code .* does not know"):
        migrate_module.migrate(url)
