"""Publish what comes of a batch: to gateways what they have to tell, to queues what was born of it and what goes on."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from zlib import crc32

from msgspec.structs import replace

from gameserver.broker.topology import EVENTS, Queues
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import NO_TAIL, Tail, TaskMessage, task_message
from gameserver.processing.applied_batch import Applied
from gameserver.store import Store
from tasks.batches.database_wait import Patience
from tasks.batches.task_run import TaskRun
from tasks.publisher import Publisher

COPIES = 10_000  # names of tasks that carry the same events


class Results:
    """Publishes for one process. ``origin``: its name, in the messages."""

    def __init__(self, publisher: Publisher, store: Store, queues: Queues, origin: str, patience: Patience) -> None:
        self._publisher = publisher
        self._store = store
        self._queues = queues
        self._origin = origin
        self._patience = patience

    def publish(self, applied: Applied, run: TaskRun, *, done: bool = True) -> None:
        """Publish what a transaction came to. ``done``: the gateways are told that the task is."""
        outbound = applied.outbound
        if done:
            run.is_published = True
            took_ms = run.took_ms(self._patience.clock_s())
            outbound = replace(outbound, task=run.task_id, began_ms=run.began_ms, took_ms=took_ms)
        self._publisher.outbound(outbound, applied.keys)
        for group in self._groups(applied.born):
            self._send(group, run, NO_TAIL)
        self._patience.wait(lambda: self._store.published(applied.published), run)

    def send_on(
        self, batch: Sequence[Envelope], run: TaskRun, attempts: int = 0, exchange: str = EVENTS
    ) -> TaskMessage:
        """Send events back to their queue (or into a delay before it), with what follows them in their lanes."""
        return self._send(batch, run, run.take_tail(batch), attempts, exchange)

    def _send(
        self, batch: Sequence[Envelope], run: TaskRun, tail: Tail, attempts: int = 0, exchange: str = EVENTS
    ) -> TaskMessage:
        """Publish a message named after the task in which its events come.

        What is tried again of another copy, or is sent again by another sweep, is another task: one that an operator
        revoked is refused by all workers, for ever.
        """
        copy = crc32(run.task_id.encode()) % COPIES + 1
        message = task_message(batch, self._origin, attempts=attempts, copy=copy, tail=tail)
        self._publisher.task(message, self._queue(batch[0]), exchange=exchange)
        return message

    def _queue(self, envelope: Envelope) -> str:
        return self._queues.of(envelope.event.spec, envelope.shard_key)

    def _groups(self, born: Sequence[Envelope]) -> Iterator[tuple[Envelope, ...]]:
        """Batches, each of one type and for one queue."""

        def where(envelope: Envelope) -> tuple[str, str]:
            return envelope.event.spec.task, self._queue(envelope)

        for _, group in groupby(sorted(born, key=where), key=where):
            envelopes = tuple(group)
            most = envelopes[0].event.spec.batch_max
            yield from (envelopes[n : n + most] for n in range(0, len(envelopes), most))
