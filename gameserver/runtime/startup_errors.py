"""Ends a program that cannot begin: one sentence, and a traceback only where nobody foresaw the fault."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gameserver.errors import Corrupt, GameError

log = logging.getLogger(__name__)

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
        raise _ended(fault.message) from None


@contextmanager
def exit_whatever_fails() -> Iterator[None]:
    """End the program with a sentence and status 1 where anything within fails.

    For handlers of Celery's signals that a program must not begin without: Celery logs what a handler raises, and goes
    on. Only ``SystemExit`` passes.
    """
    try:
        yield
    except GameError as fault:
        raise _ended(fault.message) from None
    except OSError as fault:
        raise _ended(said_of(fault)) from None
    except Exception as fault:
        log.exception("this process cannot begin")
        raise _ended(f"This process cannot begin: {type(fault).__name__}: {fault}") from fault


def said_of(fault: OSError) -> str:
    """Say what is the matter with which file; without a file, what there is to say."""
    return f"{fault.filename}: {fault.strerror}." if fault.filename else f"{fault}."


def _ended(sentence: str) -> SystemExit:
    sys.stderr.write(f"{SPEAKER}{sentence}\n")
    return SystemExit(1)
