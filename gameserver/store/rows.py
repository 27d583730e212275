"""How the data tier's statements are run: written in SQLAlchemy Core, made into text once, executed by the driver.

To run a statement through SQLAlchemy costs ten to thirty times what SQLite itself needs for it, most of it in building,
caching and wrapping. A batch runs half a dozen statements, so here each is compiled once per database, and what comes
back are the driver's plain tuples. What is asked once in a while may be built anew each time: it takes the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Engine, Table, bindparam, func, update
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles

from gameserver.errors import Retryable

CHANGES_KEPT = 128  # statements, one for each set of columns that changed together


class among(ColumnElement[bool]):  # noqa: N801 - reads like the other functions of SQLAlchemy Core
    """Whether a column is one of the values of the list given as ``name``: the same text however many there are."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: ColumnElement[Any] = bindparam(name)


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: Any, **options: Any) -> str:
    column, values = compiler.process(element.column, **options), compiler.process(element.values, **options)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both come from the compiler


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY({compiler.process(element.values, **options)})"


@lru_cache(maxsize=CHANGES_KEPT)
def _change_one(table: Table, columns: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    return update(table).values(values).where(table.c.id == bindparam("row"))


@lru_cache(maxsize=CHANGES_KEPT)
def _change_all(table: Table, columns: tuple[str, ...]) -> Any:
    """Lists of values, joined to the rows: a statement costs PostgreSQL more than a row does."""
    lists = [bindparam(name, type_=ARRAY(table.c[name].type)) for name in (*columns, "id")]
    new = func.unnest(*lists).table_valued(*columns, "id").render_derived(name="new")
    return update(table).values({name: new.c[name] for name in columns}).where(table.c.id == new.c.id)


class _Text:
    """A statement as the driver takes it: text with placeholders, and what goes where."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._names: list[str] = compiled.positiontup or []
        self._constants = compiled.params
        self._list: Any = _as_json if dialect.name == "sqlite" else list

    def bind(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the placeholders; those that stand in the statement itself need not be given."""
        given = {name: self._list(v) if isinstance(v, tuple | list) else v for name, v in values.items()}
        merged = {**self._constants, **given}
        return tuple(merged[name] for name in self._names)


def _as_json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()


_text = lru_cache(maxsize=256)(_Text)


class Rows:
    """Runs statements on one connection. Values are given by the names of the statement's ``bindparam``s."""

    def __init__(self, dialect: Dialect, cursor: Any) -> None:
        self._dialect = dialect
        self._cursor = cursor

    def all(self, statement: Any, **values: Any) -> list[tuple[Any, ...]]:
        """The rows that a SELECT finds."""
        text = _text(statement, self._dialect)
        self._cursor.execute(text.sql, text.bind(values))
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def first(self, statement: Any, **values: Any) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        return next(iter(self.all(statement, **values)), None)

    def column(self, statement: Any, **values: Any) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.all(statement, **values)]

    def run(self, statement: Any, **values: Any) -> None:
        """Run a statement that finds nothing."""
        text = _text(statement, self._dialect)
        self._cursor.execute(text.sql, text.bind(values))

    def many(self, statement: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement for each row; its values stand in the order of the statement's placeholders."""
        if rows:
            self._cursor.executemany(_text(statement, self._dialect).sql, rows)

    @property
    def changed(self) -> int:
        """How many rows were changed through this connection of SQLite's since it was made."""
        count: int = self._cursor.connection.total_changes
        return count

    def checkpoint(self) -> None:
        """Copy SQLite's log into the database, as far as that keeps nobody waiting."""
        self._cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def change(self, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write some columns of rows that are there, each once: the columns' values, and then the row's id."""
        if self._dialect.name == "sqlite":
            self.many(_change_one(table, columns), rows)
        elif rows:
            lists = map(_as_array, zip(*rows, strict=True))
            self.run(_change_all(table, columns), **dict(zip((*columns, "id"), lists, strict=True)))


def _as_array(values: Sequence[Any]) -> Any:
    """A list for PostgreSQL. The driver takes three times as long over numbers as their text does."""
    numbers = all(type(value) is int for value in values)
    return f"{{{','.join(map(str, values))}}}" if numbers else list(values)


@contextmanager
def reading(engine: Engine) -> Iterator[Rows]:
    """Read without locks. Raises ``Retryable``."""
    with _connection(engine) as connection:
        yield Rows(engine.dialect, connection.cursor())


@contextmanager
def writing(engine: Engine) -> Iterator[Rows]:
    """A transaction: all of it or nothing. Raises ``Retryable``."""
    with _connection(engine) as connection:
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")  # it waits now for the one writer, and never fails half way
        yield Rows(engine.dialect, cursor)
        connection.commit()


@contextmanager
def _connection(engine: Engine) -> Iterator[Any]:
    """A driver's connection; given back it is rolled back, and after an error it is not used again.

    What a database says of its troubles becomes ``Retryable``: ``conflict`` or ``database_away``.
    """
    drivers: Any = engine.dialect.loaded_dbapi
    connection: Any = None
    try:
        connection = engine.raw_connection()
        yield connection
    except drivers.IntegrityError as error:
        raise Retryable("conflict", f"Two transactions made the same row: {error}") from error
    except drivers.Error as error:
        if connection is not None:
            connection.invalidate()
        raise Retryable("database_away", f"The database did not answer as it should: {error}") from error
    finally:
        if connection is not None:
            connection.close()
