"""Read a game as its files are now, and get everything ready for it, in a fork of this process: for ``gameserver dev``.

The fork imports engine and game anew, while Celery, SQLAlchemy and the rest are there already: that takes a fraction of
the time that a new process would need. Whatever goes wrong in it, this process and the server stay as they are.
"""

import os
import signal
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from gameserver.runtime.imported_anew import imported_anew

READING_S_MAX = 60


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A game as it was read. ``fault``: what is wrong with it; then the rest says nothing.

    ``families``: all that have events, with their queues. ``declared``: what differs whenever a gateway would notice a
    change. ``clock``: the same for beat. ``done``: what had to be done for it, in words.
    """

    fault: str = ""
    families: dict[str, list[str]] = {}
    declared: str = ""
    clock: str = ""
    done: list[str] = []


def read(prepare: str, served: list[str], *, environ: Mapping[str, str], cwd: Path) -> Reading:
    """Call a function (``package.module:name``) of modules that are imported anew, with the families that are served.

    It returns a ``Reading`` or raises, and whatever it raises is the reading's ``fault``.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _in_fork(sender, prepare, served, environ, cwd)
    os.close(sender)
    with os.fdopen(receiver, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    if not said:
        return Reading(fault=f"Reading it ended with status {os.waitstatus_to_exitcode(status)}.")
    return msgspec.json.decode(said, type=Reading)


def _in_fork(sender: int, prepare: str, served: list[str], environ: Mapping[str, str], cwd: Path) -> NoReturn:
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(READING_S_MAX)  # a module that does not come to its end while it is imported
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(cwd)
        with os.fdopen(sender, "wb") as answer:
            answer.write(msgspec.json.encode(_reading(prepare, served)))
    finally:
        os._exit(0)  # and none of this process's own endings


def _reading(prepare: str, served: list[str]) -> Any:
    module, _, name = prepare.partition(":")
    try:
        with imported_anew():
            return getattr(import_module(module), name)(served)
    except (Exception, SystemExit) as fault:
        return Reading(fault=getattr(fault, "message", f"{type(fault).__name__}: {fault}"))
