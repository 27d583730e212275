"""What a sabotage is: a guarantee, switched off by itself, with the seed that finds it out.

``finds``: words of the contradiction that must be among those found.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import pytest

from gameserver.declare.entity import Entity
from gameserver.rules.book import rules
from gameserver.rules.outcome import Outcome

Off = Callable[[pytest.MonkeyPatch], None]


class Sabotage(NamedTuple):
    """``guarantee``: what is switched off. ``story``: what the seed's story is about where few of all are."""

    guarantee: str
    off: Off
    seed: int
    finds: str
    story: dict[str, Any] = {}


def instead(patch: pytest.MonkeyPatch, name: str, spoil: Callable[[Any], Outcome]) -> None:
    """Another rule answers an event."""
    real: Any = rules()[name]

    @wraps(real)
    def rule(state: Any, event: Any, context: Any) -> Outcome:
        return spoil(real(state, event, context))

    patch.setitem(rules(), name, rule)


def but(kind: type[Entity], things: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(thing for thing in things if not isinstance(thing, kind))
