"""How the data tier's statements are run: written in SQLAlchemy Core, made into text once, executed by the driver.

To run a statement through SQLAlchemy costs ten to thirty times what SQLite itself needs for it, most of it in building,
caching and wrapping. A batch runs half a dozen statements, so here each is compiled once per database, and what comes
back are the driver's plain tuples. What is asked once in a while may be built anew each time: it takes the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Engine, Table, bindparam, func, select, update
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles

from gameserver.errors import Retryable
from gameserver.store.faults import blame

_BYTES = '"\\\\x{}"'  # as PostgreSQL reads them in an array's text
# To commit on PostgreSQL without waiting for the disk: a machine that loses its power may lose it, and then all that
# came after it, so that what is left is a state that was. Whatever waits for the disk later waits for this too.
COMMIT_LATER = "SET LOCAL synchronous_commit TO off; COMMIT"
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


def locked(table: Table, condition: ColumnElement[bool], *, skip: bool = False, most: int | None = None) -> Any:
    """The condition that a row is one of those which meet another, locked in the order of their ids (on PostgreSQL).

    An UPDATE or DELETE by itself locks rows as it comes across them, and two of them could wait for each other.
    ``skip`` passes over rows that others hold; ``most``: so many at most.
    """
    mine = select(table.c.id).where(condition).order_by(table.c.id).limit(most).with_for_update(skip_locked=skip)
    return table.c.id.in_(select(mine.cte("mine").c.id))


@lru_cache(maxsize=CHANGES_KEPT)
def _change_one(table: Table, columns: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    return update(table).values(values).where(table.c.id == bindparam("row"))


@lru_cache(maxsize=CHANGES_KEPT)
def _change_all(table: Table, columns: tuple[str, ...]) -> Any:
    """Lists of values, joined to the rows: a statement costs PostgreSQL more than a row does."""
    new = lists_of(table, (*columns, "id"))
    return update(table).values({name: new.c[name] for name in columns}).where(table.c.id == new.c.id)


def lists_of(table: Table, columns: Sequence[str]) -> Any:
    """Lists of values, one for each column and given by its name, as rows of their own (on PostgreSQL)."""
    lists = [bindparam(name, type_=ARRAY(table.c[name].type)) for name in columns]
    return func.unnest(*lists).table_valued(*columns).render_derived(name="new")


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
    encoded = msgspec.json.encode(values).decode()
    if "\\u0000" in encoded and any("\0" in str(value) for value in values):
        raise ValueError("a text with the character 0")  # which SQLite would take, and PostgreSQL does not
    return encoded


_text = lru_cache(maxsize=256)(_Text)


class Rows:
    """Runs statements on one connection. Values are given by the names of the statement's ``bindparam``s.

    ``waits_for_disk``: whether what is written must survive the machine's loss of power once it is committed.
    Every method raises what ``faults.blame`` makes of a database's or a driver's error.
    """

    def __init__(self, engine: Engine, cursor: Any) -> None:
        self._engine = engine
        self._dialect = engine.dialect
        self._cursor = cursor
        self.waits_for_disk = True

    def close(self) -> None:
        """Let go of the last statement.

        SQLite keeps a connection that is closed, with its files as they were opened, as long as one of its statements
        is referred to: by an error's traceback, which lives until Python searches for cycles.
        """
        self._cursor.close()

    def all(self, statement: Any, **values: Any) -> list[tuple[Any, ...]]:
        """The rows that a SELECT finds."""
        self.run(statement, **values)
        try:
            found: list[tuple[Any, ...]] = self._cursor.fetchall()
        except Exception as error:
            raise blame(error, self._engine) from error
        return found

    def first(self, statement: Any, **values: Any) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        return next(iter(self.all(statement, **values)), None)

    def column(self, statement: Any, **values: Any) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.all(statement, **values)]

    def run(self, statement: Any, **values: Any) -> None:
        """Run a statement that finds nothing."""
        made = _text(statement, self._dialect)
        try:
            self._cursor.execute(made.sql, made.bind(values))
        except Exception as error:
            raise blame(error, self._engine) from error

    def number_of(self, statement: Any, **values: Any) -> int:
        """Run a statement that writes, and return how many rows it wrote."""
        self.run(statement, **values)
        number: int = self._cursor.rowcount
        return number

    def command(self, sql: str) -> None:
        """Run a command of the database's own."""
        try:
            self._cursor.execute(sql)
        except Exception as error:
            raise blame(error, self._engine) from error

    def many(self, statement: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement for each row; its values stand in the order of the statement's placeholders."""
        if rows:
            made = _text(statement, self._dialect)
            try:
                self._cursor.executemany(made.sql, rows)
            except Exception as error:
                raise blame(error, self._engine) from error

    def add(self, each: Any, whole: Any, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, whose values stand in the order of the columns: each by ``each``.

        On PostgreSQL, which a statement costs more than a row does, all at once by ``whole``, which takes ``lists_of``.
        """
        if self._dialect.name == "sqlite":
            self.many(each, rows)
        elif rows:
            self.run(whole, **_as_arrays(columns, rows))

    def wait_for(self, statement: Any, **values: Any) -> None:
        """Wait until no other transaction changes the rows that a SELECT FOR UPDATE finds; SQLite has one writer."""
        if self._dialect.name != "sqlite":
            self.run(statement, **values)

    @property
    def changed(self) -> int:
        """How many rows were changed through this connection of SQLite's since it was made."""
        count: int = self._cursor.connection.total_changes
        return count

    def checkpoint(self) -> None:
        """Copy SQLite's log into the database, as far as that keeps nobody waiting."""
        self.command("PRAGMA wal_checkpoint(PASSIVE)")

    def change(self, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write some columns of rows that are there, each once: the columns' values, and then the row's id."""
        if self._dialect.name == "sqlite":
            self.many(_change_one(table, columns), rows)
        elif rows:
            self.run(_change_all(table, columns), **_as_arrays((*columns, "id"), rows))


def _as_arrays(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    return dict(zip(columns, map(_as_array, zip(*rows, strict=True)), strict=True))


def _as_array(values: Sequence[Any]) -> Any:
    """A list for PostgreSQL. The driver takes three times as long over numbers and bytes as their text does."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return f"{{{','.join(map(str, values))}}}"
    if kinds == {bytes}:
        return f"{{{','.join(_BYTES.format(value.hex()) for value in values)}}}"
    return list(values)


@contextmanager
def reading(engine: Engine) -> Iterator[Rows]:
    """Read without locks. Raises what ``faults.blame`` makes of an error."""
    with _connection(engine) as connection, closing(_rows(engine, connection)) as rows:
        yield rows


@contextmanager
def writing(engine: Engine) -> Iterator[Rows]:
    """A transaction: all of it or nothing. Raises the same."""
    with _connection(engine) as connection, closing(_rows(engine, connection)) as rows:
        if engine.dialect.name == "sqlite":
            rows.command("BEGIN IMMEDIATE")  # it waits now for the one writer, and never fails half way
        yield rows
        if engine.dialect.name == "postgresql" and not rows.waits_for_disk:
            rows.command(COMMIT_LATER)
            return
        try:
            connection.commit()
        except Exception as error:
            raise blame(error, engine) from error


def _rows(engine: Engine, connection: Any) -> Rows:
    try:
        return Rows(engine, connection.cursor())
    except Exception as error:  # it was lost since it was asked
        raise blame(error, engine) from error


_LEFT = ("database_away", "schema_differs")  # troubles after which the database is opened anew


@contextmanager
def _connection(engine: Engine) -> Iterator[Any]:
    """A driver's connection; given back it is rolled back, and used again unless the trouble was its own."""
    try:
        connection = engine.raw_connection()
    except Exception as error:
        raise blame(error, engine) from error
    try:
        yield connection
    except Retryable as trouble:
        if trouble.code in _LEFT:
            connection.invalidate()
            engine.dispose()  # the process's others have the same file, which another one may have replaced
        raise
    finally:
        connection.close()
