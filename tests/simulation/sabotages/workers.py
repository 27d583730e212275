"""Sabotages of the workers: suspects, what nobody handled, what another version wrote."""

from collections.abc import Sequence
from typing import Any

import pytest
from celery.exceptions import Reject

from gameserver.messages.envelope import Envelope
from tasks.processor import BatchProcessor
from tests.simulation.sabotages.sabotage import Sabotage
from tests.simulation.sabotages.stories import CRASHING, NEWER


def halves_of_lanes(patch: pytest.MonkeyPatch) -> None:
    def halves(batch: Sequence[Envelope]) -> tuple[Sequence[Envelope], Sequence[Envelope]]:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]

    patch.setattr("tasks.batches.suspects.halves_by_lanes", halves)


def exceptions_pass(patch: pytest.MonkeyPatch) -> None:
    """What nobody handled ends in the broker's dead messages instead of the queue."""
    patch.setattr("tasks.batches.database_wait.Patience.or_give_back", lambda self, work, turn: work())


def unknown_is_dead(patch: pytest.MonkeyPatch) -> None:
    """What this version can't read is no message for any."""

    def set_apart(self: BatchProcessor, found: Any, whence: Any, turn: Any) -> None:
        raise Reject("nothing that can be read", requeue=False)

    patch.setattr(BatchProcessor, "_set_apart", set_apart)


SABOTAGES = (
    Sabotage("no lane is split", halves_of_lanes, 24, "outcome_unknown", CRASHING),
    Sabotage("nothing of ours goes to the dead messages", exceptions_pass, 173, "went to the dead messages"),
    Sabotage("what this version can't read goes round", unknown_is_dead, 0, "went to the dead messages", NEWER),
)
