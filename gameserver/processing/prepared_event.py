"""An event with everything that is found out about it before the transaction begins."""

from collections.abc import Callable, Sequence
from functools import cached_property
from random import Random
from typing import Any, TypeVar

import msgspec

from gameserver.declare.base import Event, Spec
from gameserver.errors import Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.rules.needs import Needs, checked
from gameserver.rules.outcome import Context
from gameserver.rules.watermarks import Watermark

C = TypeVar("C")

# What the code of one event may raise without ending anything else. ``sys.exit`` in a rule ends no worker.
FAULTS = (Exception, SystemExit)


class SeededDice(msgspec.Struct, dict=True):
    """Seeded randomness that costs next to nothing until it is used: few rules throw dice."""

    seed: str
    id: str

    @cached_property
    def _random(self) -> Random:
        return Random(f"{self.seed}/{self.id}")  # noqa: S311 - dice, not secrets

    def random(self) -> float:
        return self._random.random()

    def randint(self, a: int, b: int) -> int:
        return self._random.randint(a, b)

    def choice(self, seq: Sequence[C]) -> C:
        return self._random.choice(seq)


class Prepared(msgspec.Struct):
    """An event with everything that could be found out before the transaction.

    ``rule``: a function with ``needs`` and ``prepare``, ``None`` if there is none. ``marked``: whether the lane's
    watermark guards it; ``mark``: where that stood when its turn came. ``needs``: the rows that its rule wants.
    """

    envelope: Envelope
    event: Event
    spec: Spec
    context: Context
    rule: Any
    marked: bool
    mark: Watermark | None = None
    needs: Needs | None = None
    refusal: Rejected | None = None
    failure: BaseException | None = None

    @property
    def order(self) -> str:
        """What it must stay in order with."""
        return self.envelope.order

    @property
    def sound(self) -> bool:
        """Whether its preparation went well."""
        return self.refusal is None and self.failure is None


def guarded(step: Callable[[Prepared], None], item: Prepared) -> None:
    """Take a step of an event's preparation, and note with the event what it raises. Raises ``Retryable``."""
    try:
        step(item)
    except Rejected as refusal:
        item.refusal = refusal
    except Retryable:
        raise  # the data tier is not ready: nobody's failure, and the whole batch waits
    except FAULTS as error:  # whatever else a step raises is this event's own failure
        item.failure = error


def find_needs(item: Prepared) -> None:
    """Ask its rule, if it has one, unless something went wrong before."""
    if item.rule is not None and item.rule.needs and item.sound:
        guarded(_ask, item)


def _ask(item: Prepared) -> None:
    """Find out what its rule needs. Raises ``TypeError`` when these are no selections."""
    try:
        needs = item.rule.needs(item.event, item.context)
    except Retryable as error:
        raise TypeError("needs are found out without the data tier") from error
    item.needs = checked(needs)
