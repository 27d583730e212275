"""Whose fault a database error is: the same answer for both databases.

The connection's and a conflict's are ``Retryable``: the same batch may succeed in a moment. The data's are ``Corrupt``
``bad_data``: no wait helps, and whoever gave the value has failed. Tables of another shape are waited for until
``gameserver migrate`` was run, because a worker that is started before it must not use up the trials of its events.
"""

from enum import Enum, auto

from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gameserver.errors import Corrupt, GameError, Retryable
from gameserver.store.migrate import shape


class Fault(Enum):
    """Where an error comes from."""

    AWAY = auto()
    CONFLICT = auto()
    DATA = auto()
    SHAPE = auto()
    STATEMENT = auto()


# PostgreSQL's SQLSTATEs, and their classes (the first two characters) for those that are not named.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES = {
    "08": Fault.AWAY,  # connection exception
    "0A": Fault.AWAY,  # a prepared statement whose table was migrated: another connection prepares it anew
    "25": Fault.AWAY,  # idle for too long in a transaction, or a standby that takes no writes
    "26": Fault.AWAY,  # a prepared statement that this connection does not know
    "28": Fault.AWAY,  # the password is not accepted
    "3D": Fault.AWAY,  # no such database
    "53": Fault.AWAY,  # no disk, memory or connection left
    "57": Fault.AWAY,  # shut down, or cancelled by an operator
    "58": Fault.AWAY,  # the system's
    "XX": Fault.AWAY,  # PostgreSQL's own
    "40": Fault.CONFLICT,  # deadlock, serialization failure
    "55": Fault.CONFLICT,  # a lock was waited for in vain
    "23505": Fault.CONFLICT,  # two transactions made the same row
    "22": Fault.DATA,  # out of range, a character that is not taken
    "23": Fault.DATA,  # NULL, a check
    "54": Fault.DATA,  # too long for an index
    "42501": Fault.AWAY,  # a right is missing, which an operator gives
    "42P01": Fault.SHAPE,  # no such table
    "42703": Fault.SHAPE,  # no such column
    "3F": Fault.SHAPE,  # no such schema
}
# SQLite's result codes; of one that is not named, the code that it extends. https://sqlite.org/rescode.html
_CODES = {
    "SQLITE_BUSY": Fault.CONFLICT,
    "SQLITE_LOCKED": Fault.CONFLICT,
    "SQLITE_SCHEMA": Fault.CONFLICT,
    "SQLITE_CONSTRAINT_UNIQUE": Fault.CONFLICT,
    "SQLITE_CONSTRAINT_PRIMARYKEY": Fault.CONFLICT,
    "SQLITE_CONSTRAINT_ROWID": Fault.CONFLICT,
    "SQLITE_CONSTRAINT": Fault.DATA,
    "SQLITE_TOOBIG": Fault.DATA,
    "SQLITE_MISMATCH": Fault.DATA,
    "SQLITE_ERROR": Fault.STATEMENT,
    "SQLITE_RANGE": Fault.STATEMENT,
    "SQLITE_MISUSE": Fault.STATEMENT,
}
_NO_SUCH = ("no such table", "no such column", "has no column named")  # SQLite has no code of their own for these

# What the drivers say by themselves, without a code of the database's: the classes of PEP 249.
_CLASSES = {
    "OperationalError": Fault.AWAY,
    "InterfaceError": Fault.AWAY,
    "InternalError": Fault.AWAY,
    "DataError": Fault.DATA,
    "IntegrityError": Fault.DATA,
    "ProgrammingError": Fault.DATA,  # a value of a type that can't be handed to the database
    "Error": Fault.AWAY,
    "OSError": Fault.AWAY,  # the machine's: no descriptor, no room, no right
    "MemoryError": Fault.AWAY,
}


def fault_of(error: Exception) -> Fault:
    """Where an error comes from that a driver raised while it was given a statement and its values."""
    state, code = getattr(error, "sqlstate", None), getattr(error, "sqlite_errorname", None)
    if state:
        return _STATES.get(state) or _STATES.get(state[:2], Fault.STATEMENT)
    if code:
        missing = code == "SQLITE_ERROR" and any(words in str(error) for words in _NO_SUCH)
        return Fault.SHAPE if missing else _CODES.get(code) or _CODES.get(_extended(code), Fault.AWAY)
    if isinstance(error, PoolTimeout):
        return Fault.AWAY
    classes = (_CLASSES.get(kind.__name__) for kind in type(error).__mro__)
    return next(filter(None, classes), Fault.DATA)  # OverflowError, UnicodeEncodeError, TypeError: a value's


def _extended(code: str) -> str:
    return "_".join(code.split("_")[:2])


def blame(error: Exception, engine: Engine) -> GameError:
    """The error of ours that says the same."""
    fault = fault_of(error)
    if fault is Fault.AWAY:
        return Retryable(
            "database_away", f"The database did not answer as it should: {in_a_line(error)}{_file(engine)}"
        )
    if fault is Fault.CONFLICT:
        return Retryable("conflict", f"Another transaction was in the way: {error}")
    if fault is Fault.DATA:
        return Corrupt("bad_data", f"A value was given that the database does not take: {error}")
    return _blame_shape(error, engine)


def in_a_line(error: object) -> str:
    """What a driver says: psycopg says it in several lines."""
    return " ".join(str(error).split())


def _file(engine: Engine) -> str:
    """SQLite does not say of which file it speaks."""
    return f" ({engine.url.database})" if engine.dialect.name == "sqlite" else ""


def _blame_shape(error: Exception, engine: Engine) -> GameError:
    """Tables of another version are waited for; with those of today's the statement is wrong."""
    found = shape(engine)
    if found.fits or fault_of(error) is not Fault.SHAPE:
        return Corrupt("bad_statement", f"The database does not understand a statement: {error}")
    return Retryable("schema_differs", f"{found}: {error}")
