"""One task on its way through a worker, and what became of its events so far."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from gameserver.errors import NotNow
from gameserver.messages.envelope import Envelope
from gameserver.messages.readability import Sorted
from gameserver.messages.task_message import NO_TAIL, Tail
from gameserver.processing.applied_batch import Applied


class HeldLane(msgspec.Struct):
    """A lane whose first event failed, and what follows that. ``trial``: how often it was tried, 0: not counted."""

    envelopes: list[Envelope]
    cause: BaseException
    trial: int = 0


class TaskRun:
    """A task's record: until when its lease lasts, when it began, and what became of its events.

    ``held`` and ``put_off``: lanes of which nothing may be applied before what failed, or was put off, in this task.
    ``tails``: what follows in lanes of its batch and can't be read here, as long as nobody has taken it along.
    """

    def __init__(self, task_id: str, until_s: float, began_ms: int, began_s: float, found: Sorted, copy: int) -> None:
        self.task_id = task_id
        self.until_s = until_s
        self.began_ms = began_ms
        self.began_s = began_s
        self.outcomes: Counter[str] = Counter()
        self.held: dict[str, HeldLane] = {}
        self.put_off: dict[str, NotNow] = {}
        self.tails = dict(found.tails)
        self.copy = copy  # of what can't be read
        self.is_published = False  # the gateways know that it is done
        self.cause: BaseException | None = None  # why an event was put off or, rather, given up
        self._gave_up = False

    def took_ms(self, now_s: float) -> float:
        """Return how long it has taken until now, on the clock by which it began."""
        return round((now_s - self.began_s) * 1000, 3)

    def free(self, batch: Sequence[Envelope]) -> Sequence[Envelope]:
        """Hold what follows a failed event in its lane, and return the rest."""
        if not self.held:
            return batch
        for envelope in batch:
            if envelope.order in self.held:
                self.held[envelope.order].envelopes.append(envelope)
                self.outcomes["held"] += 1
        return [envelope for envelope in batch if envelope.order not in self.held]

    def take_tail(self, batch: Sequence[Envelope]) -> Tail:
        """Take what follows a batch in its lanes, for the message in which that goes on: it may not be overtaken."""
        if not self.tails:
            return NO_TAIL
        orders = dict.fromkeys(envelope.order for envelope in batch)
        raw = [one for order in orders for one in self.tails.pop(order, ())]
        self.outcomes["unread"] += len(raw)
        return Tail(raw, self.copy)

    def ended_tails(self) -> list[dict[str, Any]]:
        """List what follows in lanes that came to their end. (A lane that was put off comes again from its gateway.)"""
        return [one for order, tail in self.tails.items() if order not in self.put_off for one in tail]

    def note_cause(self, cause: BaseException, *, gave_up: bool) -> None:
        """Note why an event was put off or given up: the report tells the first of those given up, or put off."""
        if self.cause is None or (gave_up and not self._gave_up):
            self.cause, self._gave_up = cause, gave_up

    def fail(self, envelope: Envelope, cause: BaseException, how: str = "failed", trial: int = 0) -> None:
        """Note that an event failed."""
        self.outcomes[how] += 1
        self.held[envelope.order] = HeldLane([envelope], cause, trial)

    def take(self, applied: Applied, trial: int) -> None:
        """Note what a committed transaction came to."""
        self.outcomes.update(applied.outcomes)
        self.put_off.update(applied.put_off)
        for held in applied.held:
            self.held[held.envelopes[0].order] = HeldLane(list(held.envelopes), held.cause, trial)
