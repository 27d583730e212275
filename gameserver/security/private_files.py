"""Secrets as files that only their owner can read.

A secret is made once and then kept: the broker and the players' resume tokens remember it across restarts. Files are
written beside their place and moved there, so that a crash never leaves half of one.
"""

import os
from collections.abc import Callable
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file that only its owner can read, in one step. Makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in a file; made and written the first time."""
    if not path.is_file():
        write(path, make())
    return path.read_text().strip()
