"""The batches in flight: published, and no process has said yet that it is done with them.

This is the one place in which a gateway remembers a batch, by its task's id. A batch leaves it when a process is done
with it, when the queue refused it, and when the broker goes away, because then nobody knows. Batchers ask here when
they may publish, availability which families answer, metrics how long a batch took, and a gateway that stops whether
all was confirmed.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from gameserver.declare.base import Spec
from gameserver.messages.envelope import Envelope

IN_FLIGHT_MAX = 10_000  # batches; what was never heard of is forgotten first

Stream = tuple[str, str]  # a queue, and the name of the events that go there


class Batch(msgspec.Struct):
    """A batch and its times: ``_ms`` in milliseconds since 1970, ``_s`` by the monotonic clock.

    ``deadline_s``: until then it holds back the next batch of its stream. ``linger_s``: how long its events waited for
    company, at most; as long as those of the next batch will. ``confirmed``: whether the broker has it.
    """

    task_id: str
    queue: str
    envelopes: Sequence[Envelope]
    published_s: float
    published_ms: int
    deadline_s: float = 0.0
    linger_s: float = 0.0
    confirmed: bool = False

    @property
    def spec(self) -> Spec:
        """The declaration of its events."""
        return self.envelopes[0].event.spec

    @property
    def family(self) -> str:
        """The family that is to apply it."""
        return self.spec.family

    @property
    def stream(self) -> Stream:
        """The stream whose next batches it holds back."""
        return self.queue, self.spec.name


class InFlightRegistry:
    """All batches in flight, in the order of their publishing."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._streams: dict[Stream, dict[str, Batch]] = {}  # the same, apart

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches.values())

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def all_confirmed(self) -> bool:
        """Whether the broker has confirmed every batch of which no process has been heard."""
        return all(batch.confirmed for batch in self._batches.values())

    def add(self, batch: Batch) -> None:
        """Remember a batch that is being published."""
        if len(self._batches) >= IN_FLIGHT_MAX:
            self.remove(next(iter(self._batches)))
        self._batches[batch.task_id] = batch
        self._streams.setdefault(batch.stream, {})[batch.task_id] = batch

    def confirm(self, task_id: str) -> None:
        """Note that the broker has a batch, if no process was quicker to be done with it."""
        if task_id in self._batches:
            self._batches[task_id].confirmed = True

    def remove(self, task_id: str) -> Batch | None:
        """Forget a batch with which a process is done, or which the queue did not take. ``None``: it is not known."""
        batch = self._batches.pop(task_id, None)
        if batch is not None:
            self._forget_in_stream(batch)
        return batch

    def _forget_in_stream(self, batch: Batch) -> None:
        stream = self._streams[batch.stream]
        del stream[batch.task_id]
        if not stream:
            del self._streams[batch.stream]

    def clear(self) -> None:
        """Forget all: the broker is away, and nobody knows what is in flight."""
        self._batches.clear()
        self._streams.clear()

    def opens_s(self, stream: Stream, most: int) -> float:
        """Say when a stream takes its next batch, if ``most`` may be in flight: when the oldest of so many is overdue.

        A batch of which nothing is heard delays the others until its deadline, and no longer.
        """
        batches = self._streams.get(stream)
        if batches is None or len(batches) < most:
            return 0.0
        newest_first = reversed(batches.values())
        return next(islice(newest_first, most - 1, None)).deadline_s
