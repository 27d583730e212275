"""From one database to another, as a rule SQLite to PostgreSQL: all of it or nothing, and nothing may be missing.

What was written is read again, counted and digested before the target commits. A row's digest is that of its values, a
table's the sum of its rows', because two databases sort text in two ways.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from gameserver.declare.entity import kinds
from gameserver.errors import Corrupt, Retryable
from gameserver.store.engine import open_engine, read_url, snapshot
from gameserver.store.faults import in_a_line
from gameserver.store.migrate import migrate, shape
from gameserver.store.tables import by_name, metadata

ROWS_AT_ONCE = 1_000
# A gateway's sign of life is written every 3 seconds: one that is younger than this means that somebody plays.
QUIET_MS = 15_000


class Copied(msgspec.Struct, frozen=True):
    """A table in both databases: how many rows, and the digest of what is in them."""

    table: str
    rows: int
    digest: str


def copy(source_url: str, target_url: str, now_ms: int, done: Callable[[Copied], object]) -> None:
    """Copy everything, calling ``done`` for each table; it counts when this returns.

    Raises ``Corrupt``: ``bad_setting``, ``source_unfit`` (other tables than today's), ``source_in_use``,
    ``target_not_empty``, ``copy_differs``; ``Retryable`` when a database is away.
    """
    if read_url(source_url) == read_url(target_url, "The address to copy to"):
        raise Corrupt("target_not_empty", "The database can't be copied onto itself.")
    try:
        _copy(source_url, target_url, now_ms, done)
    except DBAPIError as error:
        raise Retryable("database_away", f"A database did not answer as it should: {in_a_line(error.orig)}") from error


def _copy(source_url: str, target_url: str, now_ms: int, done: Callable[[Copied], object]) -> None:
    with snapshot(source_url) as source:
        _check_source(source, now_ms)
        migrate(target_url)
        with _writing(target_url) as target:
            _check_empty(target)
            for table in metadata().sorted_tables:
                _copy_table(source, target, table)
                done(_compare(source, target, table))


@contextmanager
def _writing(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _check_source(source: Connection, now_ms: int) -> None:
    found = shape(source.engine)
    if not found.fits:
        raise Corrupt("source_unfit", f"The database to be copied does not fit. {found}.")
    if any(now_ms - seen_ms < QUIET_MS for seen_ms in _signs_of_life(source)):
        raise Corrupt(
            "source_in_use",
            "Somebody plays on the database to be copied, and what they do would be lost: stop the server, "
            f"and wait for {QUIET_MS // 1000} seconds.",
        )


def _signs_of_life(source: Connection) -> list[int]:
    fields = [by_name(kind)[kind.spec.sign_of_life] for kind in kinds() if kind.spec.sign_of_life]
    return [source.scalar(select(func.max(field))) or 0 for field in fields]


def _check_empty(target: Connection) -> None:
    full = [table.name for table in metadata().sorted_tables if target.scalar(select(func.count()).select_from(table))]
    if full:
        raise Corrupt("target_not_empty", f"There is something in the target already: {', '.join(full)}.")


def _copy_table(source: Connection, target: Connection, table: Table) -> None:
    for rows in _rows(source, table):
        target.execute(insert(table), [dict(row._mapping) for row in rows])


def _rows(connection: Connection, table: Table) -> Iterator[Any]:
    query = select(table).execution_options(yield_per=ROWS_AT_ONCE)
    return connection.execute(query).partitions()


def _compare(source: Connection, target: Connection, table: Table) -> Copied:
    ours, theirs = _digested(source, table), _digested(target, table)
    if ours != theirs:
        raise Corrupt(
            "copy_differs", f"{table.name}: {ours.rows} rows became {theirs.rows}, or others. Nothing is kept."
        )
    return theirs


def _digested(connection: Connection, table: Table) -> Copied:
    count = total = 0
    for rows in _rows(connection, table):
        count += len(rows)
        total += sum(_digest(row) for row in rows)
    return Copied(table.name, count, f"{total % 2**256:064x}")


def _digest(row: Row[Any]) -> int:
    return int.from_bytes(hashlib.sha256(msgspec.msgpack.encode(tuple(row))).digest())
