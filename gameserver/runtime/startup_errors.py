"""Ends a program that cannot begin: one sentence, and no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gameserver.errors import Corrupt

SPEAKER = "gameserver: "


@contextmanager
def exit_with_message() -> Iterator[None]:
    """End the program with one sentence and status 1 where what is within finds our own fault.

    What a game declares is looked at while it is imported, so a program's first imports stand within this: what is
    declared wrongly is a game developer's slip, whose cure the sentence names, and no traceback is of more help.
    """
    try:
        yield
    except Corrupt as fault:
        sys.stderr.write(f"{SPEAKER}{fault.message}\n")
        raise SystemExit(1) from None
