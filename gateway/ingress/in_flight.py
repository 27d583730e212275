"""The batches under way: what was published, and of which no process has said that it is done.

The one place in which a gateway remembers a batch by its task's id. It forgets it when a process is done with it, when
the queue refused it, and when the broker is away, because then nobody knows. Who counts, measures or judges by what is
under way asks here.
"""

from collections.abc import Iterator, Sequence

import msgspec

from gameserver.messages.envelope import Envelope

UNDER_WAY_MAX = 10_000  # batches; what was never heard of is forgotten first


class Flight(msgspec.Struct, frozen=True):
    """A batch and its times, milliseconds since 1970; ``since_s``: when it was published, by the monotonic clock.

    ``began_ms``, ``took_ms``: what the process says; ``done_ms``: when it said so.
    """

    task: str
    batch: Sequence[Envelope]
    since_s: float
    published_ms: int
    began_ms: int = 0
    took_ms: float = 0.0
    done_ms: int = 0

    @property
    def family(self) -> str:
        """The family that is to apply it."""
        return self.batch[0].event.spec.family


class Flights:
    """All batches under way, in the order of their publishing."""

    def __init__(self) -> None:
        self._under_way: dict[str, Flight] = {}

    def __iter__(self) -> Iterator[Flight]:
        return iter(self._under_way.values())

    def __len__(self) -> int:
        return len(self._under_way)

    def add(self, flight: Flight) -> None:
        """A batch is on its way."""
        if len(self._under_way) >= UNDER_WAY_MAX:
            del self._under_way[next(iter(self._under_way))]
        self._under_way[flight.task] = flight

    def remove(self, task_id: str) -> Flight | None:
        """A process is done with a batch, or the queue did not take it."""
        return self._under_way.pop(task_id, None)

    def clear(self) -> None:
        """The broker is away: nobody knows what is under way."""
        self._under_way.clear()
