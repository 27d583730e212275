"""The two databases: SQLite, one writer at a time in WAL mode, and PostgreSQL, row locks.

Both take values by position (``?`` and ``%s``), so that ``rows`` can hand rows through as they are.
"""

import ctypes
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from select import select
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from gameserver.errors import Corrupt, Retryable

# Less than a lease and than a turn at SQLite: who waits in vain gives way, and tries again, instead of being killed.
LOCK_WAIT_S = 3
# Pages in SQLite's log before a commit copies them into the database. ``Store.tidy`` does so while nobody waits, and
# earlier: this is for the case that it could not. 16,000 are 64 MB.
CHECKPOINT_PAGES = 16_000
# A connection to PostgreSQL that was dropped without a word (by a firewall, by a host that is gone) is found out well
# within the shortest lease: by the kernel while a statement is under way, by a question before one is begun.
CONNECT_S_MAX = 3
EMPTY_QUERY = 0  # libpq's PGRES_EMPTY_QUERY: the answer to a question that asks nothing
PING_S_MAX = 1.5
# Of one process. Prefork: a child handles one batch at a time and so needs one connection, tried before use; and a
# second one while it tries something again, whose trial is counted whatever becomes of the batch. One to spare.
POOL_SIZE, OVERFLOW = 2, 1
CONNECTIONS_MAX = POOL_SIZE + OVERFLOW
KEEPALIVE_S = 1
KEEPALIVES_MISSED_MAX = 2
UNACKNOWLEDGED_MS_MAX = 3_000
POSTGRESQL_CONNECTION = {
    "connect_timeout": CONNECT_S_MAX,
    "keepalives": 1,
    "keepalives_idle": KEEPALIVE_S,
    "keepalives_interval": KEEPALIVE_S,
    "keepalives_count": KEEPALIVES_MISSED_MAX,
    "tcp_user_timeout": UNACKNOWLEDGED_MS_MAX,
}
# A process that was frozen in the middle of a transaction must not hold its rows for as long as it sleeps.
POSTGRESQL_OPTIONS = f"-c idle_in_transaction_session_timeout=8000 -c lock_timeout={LOCK_WAIT_S * 1000}"

# Options of SQLite's `sqlite3_config` (https://sqlite.org/c3ref/c_config_covering_index_scan.html).
CONFIG_MULTITHREAD, CONFIG_MEMSTATUS = 2, 9


def open_engine(url: str) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql://...``.

    Raises ``Corrupt`` ``bad_setting`` for others, and ``Retryable`` ``database_away`` where SQLite's folder is not
    there and can't be made.
    """
    parsed = read_url(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)


def _postgresql(parsed: URL) -> Engine:
    options = {"options": POSTGRESQL_OPTIONS, **POSTGRESQL_CONNECTION}
    pool: dict[str, int] = {"pool_size": POOL_SIZE, "max_overflow": OVERFLOW}
    url = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(url, **pool, paramstyle="format", connect_args=options)
    event.listen(engine, "checkout", _ping)
    return engine


def read_url(url: str, given_as: str = "DATABASE_URL") -> URL:
    """Read an address. A path is taken as it is: SQLAlchemy would end it at "?", and read "%41" in it as a letter.

    ``given_as``: the setting or argument that it is. Raises ``Corrupt`` ``bad_setting`` for what is no address of
    SQLite's or PostgreSQL's.
    """
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite":
        return URL.create(scheme, database=path or None)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # a port that is no number is the latter
        example = "sqlite:///path, or postgresql://user:password@host/name"
        raise Corrupt("bad_setting", f"{given_as} is no address like {example}.") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise Corrupt("bad_setting", f"{given_as}: {parsed.get_backend_name()} is neither sqlite nor postgresql.")
    return parsed


def answers(url: str) -> bool:
    """Return whether the database lets anybody in, or says why not, in time. SQLite is no server, and always does."""
    if read_url(url).get_backend_name() == "sqlite":
        return True
    import psycopg  # which those who have SQLite need not load

    engine = open_engine(url)
    words, named = engine.dialect.create_connect_args(engine.url)
    how: dict[str, Any] = {**named, **POSTGRESQL_CONNECTION}
    try:
        psycopg.connect(*words, **how).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.Error:
        return True
    return True


@contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """Read one state of the whole database, whoever writes meanwhile."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection
    finally:
        engine.dispose()


def _ping(connection: Any, record: Any, proxy: Any) -> None:
    """Ask a connection whether it is alive. Raises ``DisconnectionError``, and the pool tries another.

    SQLAlchemy's own question (``pool_pre_ping``) waits for the answer for as long as it takes.
    """
    pgconn, until_s = connection.pgconn, time.monotonic() + PING_S_MAX
    try:
        pgconn.send_query(b"")
        while pgconn.is_busy():
            pgconn.flush()
            if not select([pgconn.socket], [], [], max(0.0, until_s - time.monotonic()))[0]:
                raise DisconnectionError(f"no answer within {PING_S_MAX} s")
            pgconn.consume_input()
        while (answer := pgconn.get_result()) is not None:
            if answer.status != EMPTY_QUERY:
                raise DisconnectionError("the server ended the connection")
    except DisconnectionError:
        raise
    except Exception as error:
        raise DisconnectionError(str(error)) from error


def _sqlite(url: URL) -> Engine:
    if url.database:
        _make_folder(Path(url.database).parent)
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)  # for migrations, which run through SQLAlchemy
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:  # a disk that is full, or not mounted yet
        raise Retryable("database_away", f"The database's folder {folder} can't be made: {fault.strerror}.") from fault


def _spare_locks() -> None:
    """Let SQLite lock no connections and count no memory: the pool gives a connection to one thread at a time.

    Otherwise it locks and unlocks for each value that is read or written, which is a fifth of a batch's SELECT. That
    can be said before the driver is first loaded; later, or where its library can't be found, all is slower and right.
    """
    driver = None if "_sqlite3" in sys.modules else find_spec("_sqlite3")
    if driver is not None and driver.has_location:
        configure = getattr(ctypes.CDLL(driver.origin), "sqlite3_config", None)
        if configure is not None:
            configure(CONFIG_MULTITHREAD)
            configure(CONFIG_MEMSTATUS, 0)


_spare_locks()  # before anything else of the store, or a fork of a process that imports it, loads the driver


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def writer_lock_path(engine: Engine) -> Path | None:
    """Where processes wait for their turn to write; None where the database keeps order itself."""
    path = engine.url.database
    # (the file is called as before: processes of other versions lock it too)
    return Path(f"{path}.turnstile") if engine.dialect.name == "sqlite" and path else None
