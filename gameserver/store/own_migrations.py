"""Migrations of a game's own tables: what its entities declare, compared with what the migrations make.

The engine's migrations make the tables of the engine and its modules. All other tables are the game's; their
migrations are a branch of their own, in ``migrations/versions`` of the game's package. The comparison is made in a
database that is thrown away.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from gameserver.declare.entity import kinds
from gameserver.declare.game_package import package
from gameserver.errors import Corrupt, Rejected
from gameserver.store.engine import open_engine
from gameserver.store.migrate import (
    ENGINE_VERSIONS,
    bad_migrations_named,
    configuration,
    heads,
    migrate,
    own_versions,
    version_locations,
)
from gameserver.store.migration_files import refuse_malformed
from gameserver.store.tables import metadata

NAME_CHARS_MAX = 24  # of a revision's name, whose column holds 32


def missing() -> list[str]:
    """Say what the migrations lack of what the entities declare, a sentence each.

    Raises ``Corrupt`` ``bad_migration`` for migrations that do not fit together.
    """
    return [_sentence(each) for each in _differences()]


def refuse_missing() -> None:
    """Raise ``Corrupt`` ``migration_missing``, which names the entity's place, where a migration lacks."""
    for each in _differences():
        cure = "gameserver migrations make MESSAGE"
        raise Corrupt("migration_missing", f"{_place(each)}A migration is missing ({_sentence(each)}): {cure}")


def _differences() -> list[tuple[Any, ...]]:
    with _compared() as found:
        assert found.upgrade_ops is not None  # noqa: S101 - a comparison has it
        return list(_flat(found.upgrade_ops.as_diffs()))


def make(message: str) -> Path:
    """Write a migration for what is missing. Returns its file. Raises ``Rejected`` ``nothing_missing``."""
    own = own_versions()
    with _compared() as found:
        if not found.upgrade_ops or found.upgrade_ops.is_empty():
            raise Rejected("nothing_missing", "The migrations make all that the entities declare.")
        _refuse_unfilled(_flat(found.upgrade_ops.as_diffs()))
        up, down = (
            render_python_code(ops, render_as_batch=True)  # type: ignore[arg-type]
            for ops in (found.upgrade_ops, found.downgrade_ops)
        )
    own.mkdir(parents=True, exist_ok=True)
    scripts = ScriptDirectory.from_config(configuration(""))
    mine = [script for script in scripts.walk_revisions() if Path(script.path).parent == own]
    written = scripts.generate_revision(
        _name(len(mine) + 1),
        message,
        head=mine[0].revision if mine else "base",
        version_path=str(own),
        upgrades=up,
        downgrades=down,
    )
    assert written is not None  # noqa: S101 - Alembic gives the script unless it was to be refreshed
    return Path(written.path)


def _name(number: int) -> str:
    if own_versions() == ENGINE_VERSIONS:
        return f"{number:04d}"
    return f"{package().rpartition('.')[2][:NAME_CHARS_MAX]}_{number:04d}"


@contextmanager
def _compared() -> Iterator[MigrationScript]:
    with TemporaryDirectory(prefix="gameserver-") as folder:
        url = f"sqlite:///{Path(folder) / 'compared.sqlite'}"
        engine = open_engine(url)
        try:
            refuse_malformed(version_locations())
            heads()  # a conflict is named by its files
            command.upgrade(configuration(url, [ENGINE_VERSIONS]), "head")
            made = _columns(engine) if own_versions() != ENGINE_VERSIONS else {}
            _refuse_engines({*made})
            with bad_migrations_named():
                migrate(url)
            _refuse_changed(made, _columns(engine))
            with engine.connect() as connection:
                yield produce_migrations(_context(connection, {*made}), metadata())
        finally:
            engine.dispose()


def _context(connection: Any, engines: set[str]) -> MigrationContext:
    def concerns(_: Any, name: str | None, kind: str, *__: Any) -> bool:
        return kind != "table" or str(name) not in engines

    options = {"include_object": concerns, "render_as_batch": True, "compare_type": True}
    return MigrationContext.configure(connection, opts=options)


def _columns(engine: Engine) -> dict[str, list[str]]:
    """Each table's columns, with their types."""
    found = inspect(engine)
    return {name: [f"{c['name']} {c['type']}" for c in found.get_columns(name)] for name in found.get_table_names()}


def _refuse_changed(made: dict[str, list[str]], now: dict[str, list[str]]) -> None:
    """Raise ``Corrupt`` where a game's migrations change a table of the engine's."""
    for name, columns in made.items():
        if now.get(name) != columns:
            raise Corrupt("bad_migration", f"{own_versions()}: a migration changes {name}, a table of the engine's.")


def _refuse_engines(engines: set[str]) -> None:
    """Raise ``Corrupt`` where a game declares an entity whose table the engine's migrations make for another."""
    for kind in kinds():
        taken = kind.spec.tables.keys() & engines
        if taken and not kind.__module__.startswith("gameserver."):
            raise Corrupt(
                "bad_declaration",
                f"{kind.spec.at}: {kind.__name__}: the engine has a table {min(taken)}: give another name in table=.",
            )


def _refuse_unfilled(diffs: Iterable[tuple[Any, ...]]) -> None:
    """Raise ``Rejected`` for a field that rows which are there would have no value for."""
    for diff in diffs:
        column = diff[-1]
        if diff[0] == "add_column" and not column.nullable and column.server_default is None:
            cure = f'declare it with a default and @entity(..., added=("{column.name}",))'
            raise Rejected(
                "needs_added", f"{_place(diff)}{column.name} is new, and rows that are there have none: {cure}."
            )


def _flat(diffs: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for diff in diffs:
        if isinstance(diff, list):
            yield from _flat(diff)
        else:
            yield diff


def _place(diff: tuple[Any, ...]) -> str:
    """Say where the entity of a difference is declared; the folder of migrations where it is no entity's."""
    names = {str(getattr(getattr(each, "table", each), "name", each)) for each in diff[1:]}
    return next((f"{kind.spec.at}: " for kind in kinds() if names & kind.spec.tables.keys()), f"{own_versions()}: ")


def _sentence(diff: tuple[Any, ...]) -> str:
    """Put a difference as ``add_table items``, ``add_column items.weight``."""
    what, *about = diff
    named = [getattr(each, "name", each) for each in about if isinstance(each, str) or hasattr(each, "name")]
    return f"{what} {'.'.join(map(str, named))}"
