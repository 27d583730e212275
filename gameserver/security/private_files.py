"""Files that only their owner can read, for secrets.

A secret is made once and then read: the broker and the players' resume tokens depend on it across restarts. A file is
written under another name and renamed, so that a crash never leaves half of one.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file atomically, readable by its owner only. Makes the folder where it is missing.

    Raises ``FileExistsError`` for what is there and is no file: a device would be gone, and a file in its place.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "It is there and is no file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def rewrite(path: Path, text: str) -> None:
    """Write into the file that is there, or make it: a container that has that very file mounted sees the new text."""
    if not path.is_file():
        write(path, text)
        return
    data = text.encode()
    with open(os.open(path, os.O_WRONLY), "wb") as file:
        file.write(data)
        file.truncate(len(data))


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """Read the secret in a file; make and write it where there is none."""
    if not path.is_file():
        write(path, make())
    return path.read_text().strip()
