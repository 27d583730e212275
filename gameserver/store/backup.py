"""A copy of a SQLite world while players play: as it was at one moment, in a file of its own.

SQLite's own online backup reads one snapshot, beside which workers go on writing (WAL). A copy of the file alone would
miss what stands in its log. PostgreSQL brings ``pg_dump`` for this.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from gameserver.errors import Corrupt, Rejected
from gameserver.store.engine import read_url


def backup(database_url: str, target: Path) -> int:
    """Copy the world to a file that must not be there yet, and look whether it is whole. Returns its size in bytes.

    Raises ``Rejected`` ``not_sqlite``, ``already_there``, ``nothing_there``; ``Corrupt`` ``not_copied``, ``not_whole``:
    then nothing is left of the copy.
    """
    url = read_url(database_url)
    if url.get_backend_name() != "sqlite":
        raise Rejected("not_sqlite", "This is for SQLite. PostgreSQL has its own command: pg_dump --format=custom.")
    if target.exists():
        raise Rejected("already_there", f"{target} is there already, and is left alone.")
    source = Path(url.database or "")
    if not source.is_file():
        raise Rejected("nothing_there", f"There is no world in {source}.")
    target.touch(mode=0o600)
    try:
        _copy(source, target)
    except BaseException:
        target.unlink()
        raise
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as world, closing(sqlite3.connect(target)) as copy:
            world.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whatever it was copied from
            (found,) = copy.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as fault:
        raise Corrupt(
            "not_copied", f"{source} can't be copied to {target}: {fault}. Nothing is left of the copy."
        ) from fault
    if found != "ok":
        raise Corrupt("not_whole", f"The copy in {target} was not whole and is removed: {found}")
