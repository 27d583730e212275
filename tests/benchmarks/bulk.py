"""Many rows in little time, written by the database itself: players who stay away, and what was said in years."""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, create_engine, func, select, text
from sqlalchemy.engine import make_url

from gameserver.modules.chat.entities import ChatLine
from gameserver.store.tables import by_name, metadata

LINES_OF_A_CHANNEL = 1_000
AT_ONCE = 1_000_000  # rows in a transaction
PADDED = 10**12  # so that numbers are as long as each other, and sorted as texts too
# Numbers from one bound to the other, in each dialect's words.
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :high) SELECT n FROM n",
    "postgresql": "SELECT n FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint) - 1) AS n",
}


def say(database_url: str, lines: int, at_ms: int) -> None:
    """Write so many lines of chat, all said at one time."""
    values = {
        "id": f"'history-' || CAST(n + {PADDED} AS varchar)",
        "channel": f"'c' || CAST(n / {LINES_OF_A_CHANNEL} AS varchar)",
        "by": "'w' || CAST(n % 1000 AS varchar)",
        "text": "'Has anybody seen the miller?'",
        "at_ms": ":at_ms",
    }
    with connected(database_url) as connection:
        _write(connection, by_name(ChatLine)["id"].table, values, "", 0, lines, at_ms=at_ms)


def multiply(database_url: str, name: str, first: int, count: int) -> None:
    """Write so many players like the one of this name, who are called w and a number, from the first on."""
    with connected(database_url) as connection:
        for table in metadata().sorted_tables:
            if "id" in table.columns and connection.scalar(select(func.count()).where(table.c.id == name)):
                values = {column.name: f'one."{column.name}"' for column in table.columns}
                values |= {column: "'w' || CAST(n AS varchar)" for column in ("id", "name") if column in values}
                one = f'"{table.name}" AS one, '
                _write(connection, table, values, one, first, count, name=name)


def _write(
    connection: Connection, table: Table, values: dict[str, str], beside: str, first: int, count: int, **given: Any
) -> None:
    numbers = NUMBERS[connection.dialect.name]
    columns = ", ".join(f'"{column}"' for column in values)
    where = "WHERE one.id = :name" if beside else ""
    statement = text(
        f'INSERT INTO "{table.name}" ({columns}) '
        f"SELECT {', '.join(values.values())} FROM {beside}({numbers}) AS numbers {where}"
    )
    for low in range(first, first + count, AT_ONCE):
        connection.execute(statement, {"low": low, "high": min(low + AT_ONCE, first + count), **given})
        connection.commit()


@contextlib.contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    """Connect to a database, for a ``with`` block."""
    url = make_url(database_url)
    engine = create_engine(url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
