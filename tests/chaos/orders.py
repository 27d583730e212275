"""Orders to misbehave: files in the deployment's folder, put there by a test and obeyed by the first to find one.

An order is "hold", "loop" or "hold within" (its transaction), and for how many seconds.
"""

import os
import time
from pathlib import Path

_ORDER, _TAKEN, _OBEYED = "order", "taken", "obeyed"


def give(home: Path, order: str) -> None:
    """Give an order. The one before must have been taken."""
    (home / _OBEYED).unlink(missing_ok=True)
    _put(home / _ORDER, order)


def taken(home: Path) -> int:
    """The pid of the worker whose child took the order, told once; 0 before that."""
    try:
        pid = int((home / _TAKEN).read_text())
    except FileNotFoundError:
        return 0
    (home / _TAKEN).unlink()
    return pid


def is_obeyed(home: Path) -> bool:
    """Whether the misbehaviour came to its end, and the handler goes on."""
    return (home / _OBEYED).exists()


def obey(home: Path, *kinds: str) -> None:
    """Obey an order of these kinds, if there is one and nobody else took it."""
    mine = home / f"{_ORDER}-{os.getpid()}"
    try:
        kind, _, seconds = (home / _ORDER).read_text().rpartition(" ")
        if kind not in kinds:
            return
        (home / _ORDER).rename(mine)
    except FileNotFoundError:
        return
    _put(home / _TAKEN, str(os.getppid()))
    _misbehave(kind, float(seconds))
    (home / _OBEYED).touch()


def _misbehave(kind: str, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        if kind != "loop":
            time.sleep(left_s)


def _put(path: Path, text: str) -> None:
    """Write a file that nobody sees half of."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.write_text(text)
    beside.rename(path)
