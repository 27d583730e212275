"""What workers import to break a promise, each named by ``SPOILT``: the fixture ``chaos`` must find it out."""

import os
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from msgspec.structs import replace

from gameserver.declare.entity import Entity
from gameserver.processing import exactly_once
from gameserver.rules.book import rules
from gameserver.rules.outcome import Outcome
from gameserver.rules.watermarks import Watermark
from gameserver.store.store import Transaction

BETWEEN_S = 0.03


def _give(spoil: Callable[[Outcome], Outcome]) -> None:
    real: Any = rules()["give"]

    @wraps(real)
    def give(state: Any, event: Any, context: Any) -> Outcome:
        return spoil(real(state, event, context))

    rules()["give"] = give


def no_watermarks() -> None:
    """What was applied is applied again when it comes again."""
    real = exactly_once.read_watermarks
    exactly_once.read_watermarks = lambda text: {lane: Watermark(-1, mark.stored) for lane, mark in real(text).items()}


def two_transactions() -> None:
    """The first row that a batch changes is committed before the others."""
    real = Transaction.save

    def save(self: Transaction, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        real(self, put[:1], [])
        self._rows.command("COMMIT")
        time.sleep(BETWEEN_S)
        self._rows.command("BEGIN IMMEDIATE")
        real(self, put[1:], drop)

    Transaction.save = save  # type: ignore[method-assign]


SPOILT: dict[str, Callable[[], None]] = {
    "gifts are kept": lambda: _give(lambda outcome: replace(outcome, put=outcome.put[1:])),
    "gifts are lost": lambda: _give(lambda outcome: replace(outcome, put=outcome.put[:1])),
    "no watermarks": no_watermarks,
    "two transactions": two_transactions,
}

SPOILT[os.environ["SPOILT"]]()
