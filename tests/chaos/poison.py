"""Whispers that break the code that handles them: "poison", at which step, and anything.

Each step is one at which a mistake in one event's code can show: what the rule needs, the rule itself, the encoding of
what it answers, what it puts into the database; and a rule that ends its process.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gameserver.modules.chat.entities import ChatLine
from gameserver.rules import book
from gameserver.rules.outcome import Outcome


def _raise(outcome: Outcome) -> Outcome:
    raise RuntimeError("poison")


def _answer_what_cannot_be_encoded(outcome: Outcome) -> Outcome:
    return replace(outcome, result=object())  # type: ignore[arg-type]


def _put_what_cannot_be_saved(outcome: Outcome) -> Outcome:
    line = ChatLine(id="poison", channel=None, by="", text="", at_ms=0)  # type: ignore[arg-type]
    return replace(outcome, put=(line,))


def _kill(outcome: Outcome) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return outcome


_WAYS: dict[str, Callable[[Outcome], Outcome]] = {
    "rule": _raise,
    "encode": _answer_what_cannot_be_encoded,
    "save": _put_what_cannot_be_saved,
    "kill": _kill,
}


def _way(event: Any) -> str:
    word, _, rest = str(event.text).partition(" ")
    return rest.partition(" ")[0] if word == "poison" else ""


def allow() -> None:
    """Let whispers be poisoned in this process."""
    real: Any = book.rules()["whisper"]

    def needs(event: Any, context: Any) -> Any:
        if _way(event) == "needs":
            raise RuntimeError("poison")
        return real.needs(event, context)

    def rule(state: Any, event: Any, context: Any) -> Any:
        outcome = real(state, event, context)
        way = _WAYS.get(_way(event))
        return way(outcome) if way else outcome

    vars(rule).update(vars(real))
    rule.needs = needs  # type: ignore[attr-defined]
    book.rules()["whisper"] = rule
