"""The game's own worker and gateway with one guarantee switched off, or with a handler that misbehaves when told to.

A checker that nobody has seen fail proves nothing: each sabotage must be found out. ``CHAOS_SABOTAGE`` names it. Apart
from that, a line of chat that begins with ``!hold``, ``!loop`` or ``!block`` makes its handler do so, the first time.
Worker: ``celery -A tests.chaos.sabotaged worker``; gateway: ``python -m tests.chaos.sabotaged``.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gameserver.rules import book, chat
from gameserver.store.store import Mark, Transaction
from gateway.lanes import Lane
from tasks import app

SABOTAGES = ("watermark", "outbox", "late acknowledgement", "lane")
HOLD_S = 30.0


def _forget_watermarks() -> None:
    real = Transaction.marks

    def marks(self: Transaction, ids: Sequence[str]) -> dict[str, Mark]:
        return {id_: Mark(m.id, m.session, -1, m.stored) for id_, m in real(self, ids).items()}

    Transaction.marks = marks  # type: ignore[method-assign]


def _empty_outbox() -> None:
    Transaction.add_waiting = lambda self, rows, now_ms, due_ms: None  # type: ignore[method-assign]


def _acknowledge_early() -> None:
    app.finalize()
    for task in app.tasks.values():
        task.acks_late = task.reject_on_worker_lost = False


def _many_in_flight() -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> Any:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    Lane.next = next_  # type: ignore[method-assign]


_SABOTAGE = {
    "watermark": _forget_watermarks,
    "outbox": _empty_outbox,
    "late acknowledgement": _acknowledge_early,
    "lane": _many_in_flight,
}

if os.environ.get("CHAOS_SABOTAGE"):
    _SABOTAGE[os.environ["CHAOS_SABOTAGE"]]()


def _misbehave(text: str) -> None:
    """Hold, loop or block, once for each text: a file remembers, and tells the test which process it was."""
    what, _, key = text.partition(" ")
    if what not in ("!hold", "!loop", "!block"):
        return
    mark = Path(os.environ["GAMESERVER_HOME"]) / f"misbehaved-{key}"
    if mark.exists():
        return
    mark.write_text(f"{os.getpid()} {os.getppid()}")
    while what == "!loop":
        pass
    time.sleep(HOLD_S if what == "!hold" else 10_000)


_real_say: Any = chat.say


def _say(state: Any, event: Any, context: Any) -> Any:
    return _real_say(state, event, context)


def _prepare(event: Any, context: Any, reader: Any, passwords: Any) -> None:
    _misbehave(event.text)


_say.needs = _real_say.needs  # type: ignore[attr-defined]
_say.prepare = _prepare  # type: ignore[attr-defined]
book.rules()["say"] = _say

if __name__ == "__main__":
    from gateway.__main__ import main

    sys.exit(main())
