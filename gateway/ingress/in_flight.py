"""The batches under way: what was published, and of which no process has said that it is done.

The one place in which a gateway remembers a batch by its task's id. It forgets it when a process is done with it, when
the queue refused it, and when the broker is away, because then nobody knows. Who counts, measures or judges by what is
under way asks here.
"""

from collections.abc import Iterator, Sequence

import msgspec

from gameserver.messages.envelope import Envelope

UNDER_WAY_MAX = 10_000  # batches; what was never heard of is forgotten first


class Batch(msgspec.Struct, frozen=True):
    """A batch and its times, milliseconds since 1970; ``published_s``: when it was published, by the monotonic clock.

    ``began_ms``, ``took_ms``: what the process says; ``done_ms``: when it said so.
    """

    task_id: str
    envelopes: Sequence[Envelope]
    published_s: float
    published_ms: int
    began_ms: int = 0
    took_ms: float = 0.0
    done_ms: int = 0

    @property
    def family(self) -> str:
        """The family that is to apply it."""
        return self.envelopes[0].event.spec.family


class InFlightRegistry:
    """All batches under way, in the order of their publishing."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches.values())

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: Batch) -> None:
        """A batch is on its way."""
        if len(self._batches) >= UNDER_WAY_MAX:
            del self._batches[next(iter(self._batches))]
        self._batches[batch.task_id] = batch

    def remove(self, task_id: str) -> Batch | None:
        """A process is done with a batch, or the queue did not take it."""
        return self._batches.pop(task_id, None)

    def clear(self) -> None:
        """The broker is away: nobody knows what is under way."""
        self._batches.clear()
