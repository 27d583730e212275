"""The process server: what a worker's child does with a batch.

Apply it in one transaction, then speak: outbound to the gateways, new events to the queue, and only then is the task
acknowledged. What dies in between is delivered again and finds itself applied. A batch whose database is away waits
within its lease; events that broke go to the delays, alone with what follows them in their lane, and after their last
attempt to the dead letters.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from socket import gethostname
from typing import Any

from celery.exceptions import Reject
from msgspec.structs import replace

from gameserver.apply import Applied, Applier, Held
from gameserver.config import Settings
from gameserver.errors import Retryable
from gameserver.events.envelope import Envelope, read_batch
from gameserver.events.message import task_message
from gameserver.rules.book import rules
from gameserver.secrecy import Argon2Passwords, Sealer, read_key
from gameserver.store import Store
from gameserver.topology import DELAYS_MS, delay_name, queue_of
from gameserver.world.maps import load_world
from tasks.publisher import Publisher

log = logging.getLogger(__name__)

PAUSE_S = 0.25
LEASE_MARGIN_S = 1.0


class Server:
    """Handles batches, one at a time. ``clock_s`` is monotonic; ``pause`` waits for so many seconds."""

    def __init__(
        self,
        *,
        applier: Applier,
        store: Store,
        publisher: Publisher,
        own_queues: frozenset[str],
        origin: str,
        clock_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._applier = applier
        self._store = store
        self._publisher = publisher
        self._own_queues = own_queues
        self._origin = origin
        self._clock_s = clock_s
        self._pause = pause

    def handle(self, raw: list[dict[str, Any]], *, task_id: str, attempts: int) -> None:
        """One task: a batch that was tried ``attempts`` times before.

        Raises ``Reject`` (back to the queue) when the data tier stays away.
        """
        batch = read_batch(raw)
        until_s = self._clock_s() + batch[0].event.spec.lease_s - LEASE_MARGIN_S
        if attempts == 0:
            self._handle_fresh(batch, task_id, until_s)
        else:
            self._handle_tried(batch, task_id, attempts, until_s)

    def _handle_fresh(self, batch: list[Envelope], task_id: str, until_s: float) -> None:
        """All at once; what broke is tried again, each lane for itself."""
        applied = self._apply(batch, until_s)
        self._speak(applied, task_id)
        for held in applied.held:
            self._retry(held, 0)

    def _handle_tried(self, batch: list[Envelope], task_id: str, attempts: int, until_s: float) -> None:
        """One lane's events, one by one, so that what breaks is known and what came before it is done."""
        for n, envelope in enumerate(batch):
            applied = self._apply([envelope], until_s)
            self._speak(applied, task_id)
            if applied.held:
                self._retry(Held(envelopes=tuple(batch[n:]), cause=applied.held[0].cause), attempts)
                return

    def _apply(self, batch: Sequence[Envelope], until_s: float) -> Applied:
        """Apply, waiting for the data tier as long as the lease lasts."""
        while True:
            try:
                return self._applier.apply(batch)
            except Retryable as trouble:
                log.warning("%s waits: %s", batch[0].id, trouble)
                if self._clock_s() + PAUSE_S > until_s:
                    raise Reject(str(trouble), requeue=True) from trouble
                self._pause(PAUSE_S)

    def _speak(self, applied: Applied, task_id: str) -> None:
        self._publisher.outbound(replace(applied.outbound, task=task_id), applied.keys)
        for group in _by_type(applied.born):
            self._publisher.task(task_message(group, self._origin), self._queue(group))
        self._store.published(applied.published)

    def _retry(self, held: Held, attempts: int) -> None:
        """Later again, or (after the last attempt) to the dead letters, and on with what followed in the lane."""
        spec = held.envelopes[0].event.spec
        if attempts + 1 < spec.max_attempts:
            delay = delay_name(DELAYS_MS[min(attempts, len(DELAYS_MS) - 1)])
            message = task_message(held.envelopes, self._origin, attempts=attempts + 1)
            self._publisher.task(message, self._queue(held.envelopes), exchange=delay)
            return
        guilty, *others = held.envelopes
        self._speak(self._applier.bury(guilty, held.cause, attempts + 1), "")
        if others:
            self._publisher.task(task_message(others, self._origin), self._queue(others))

    def _queue(self, batch: Sequence[Envelope]) -> str:
        return queue_of(batch[0].event.spec, self._own_queues)

    def close(self) -> None:
        """Let go of broker and database."""
        self._publisher.close()
        self._store.close()


def _by_type(born: Sequence[Envelope]) -> Iterator[tuple[Envelope, ...]]:
    for spec, group in groupby(sorted(born, key=lambda e: e.event.spec.task), key=lambda e: e.event.spec):
        envelopes = tuple(group)
        yield from (envelopes[n : n + spec.batch_max] for n in range(0, len(envelopes), spec.batch_max))


def build(settings: Settings) -> Server:
    """Wire a process together."""
    store = Store(settings.database_url, load_world(settings.world_file))
    applier = Applier(
        store=store,
        rules=rules(),
        passwords=Argon2Passwords(),
        sealer=Sealer(read_key(settings.secret_key_file)),
        limits=settings.limits,
        clock_ms=lambda: int(time.time() * 1000),
    )
    return Server(
        applier=applier,
        store=store,
        publisher=Publisher(settings.amqp_url),
        own_queues=settings.own_queues,
        origin=f"{os.getpid()}@{gethostname()}",
    )
