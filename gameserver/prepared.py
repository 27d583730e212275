"""An event on its way through ``apply``: with all that is found out about it before the transaction begins."""

from collections.abc import Sequence
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from gameserver.errors import Rejected
from gameserver.events.envelope import Envelope
from gameserver.rules.outcome import Context
from gameserver.world.marks import Mark

C = TypeVar("C")


class SeededDice:
    """Seeded randomness that costs nothing until it is used: few rules throw dice."""

    def __init__(self, seed: str, id_: str) -> None:
        self._seed = seed
        self._id = id_

    @cached_property
    def _random(self) -> Random:
        return Random(f"{self._seed}/{self._id}")  # noqa: S311 - dice, not secrets

    def random(self) -> float:
        return self._random.random()

    def randint(self, a: int, b: int) -> int:
        return self._random.randint(a, b)

    def choice(self, seq: Sequence[C]) -> C:
        return self._random.choice(seq)


class Prepared:
    """An event with everything that could be found out before the transaction."""

    __slots__ = ("context", "envelope", "event", "failure", "mark", "marked", "refusal", "rule", "spec")

    def __init__(self, envelope: Envelope, context: Context, rule: Any) -> None:
        self.envelope = envelope
        self.event = event = envelope.event
        self.spec = spec = event.spec
        self.context = context
        self.rule = rule  # a function with ``needs`` and ``prepare``; None: there is none
        self.marked = spec.numbered and event.seq > 0  # whether the lane's watermark guards it
        self.mark: Mark | None = None  # where its lane stood when its turn came
        self.refusal: Rejected | None = None
        self.failure: Exception | None = None

    @property
    def order(self) -> str:
        """What it must stay in order with."""
        return self.envelope.order

    @property
    def sound(self) -> bool:
        """Whether its preparation went well."""
        return self.refusal is None and self.failure is None
