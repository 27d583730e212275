"""SQLite locks no connection and counts no memory, if it is told in time; told too late it works as ever."""

import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import ctypes, sys
{first}
from gameserver.store.engine import open_engine
connection = open_engine("sqlite:///{path}").raw_connection()
assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
library = ctypes.CDLL(sys.modules["_sqlite3"].__file__)
library.sqlite3_memory_used.restype = ctypes.c_longlong
library.sqlite3_db_mutex.restype = ctypes.c_void_p
other = ctypes.c_void_p()
assert library.sqlite3_open(b":memory:", ctypes.byref(other)) == 0
print(library.sqlite3_db_mutex(other) is not None, library.sqlite3_memory_used() > 0)
"""


@pytest.mark.parametrize(
    ("first", "locks"), [("", "False False"), ("import gameserver.cli", "False False"), ("import sqlite3", "True True")]
)
def test_sqlite_locks_only_where_it_was_loaded_before(first: str, locks: str, tmp_path: Path) -> None:
    asked = ASKED.format(first=first, path=tmp_path / "game.db")
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert (found.stdout.strip(), found.returncode) == (locks, 0), found.stderr
