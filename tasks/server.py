"""The process server: what a worker's child does with a batch.

Apply it in one transaction, then speak: outbound to the gateways, new events to the queue, and only then is the task
acknowledged. What dies in between is delivered again and finds itself applied. A batch whose database is away waits
within its lease; an event that broke, or that killed its worker, goes to the delays, alone with what follows it in its
lane, and after its last trial to the dead letters.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from socket import gethostname
from typing import Any, TypeVar

from celery.exceptions import Reject
from kombu.exceptions import OperationalError
from msgspec.structs import replace

from gameserver.apply import Applied, Applier, Held
from gameserver.config import Settings
from gameserver.errors import Retryable
from gameserver.events.envelope import Envelope, read_batch
from gameserver.events.message import task_message
from gameserver.logs import about
from gameserver.reports import TaskReport
from gameserver.rules.book import rules
from gameserver.secrecy import Argon2Passwords, Sealer, read_key
from gameserver.store import Store
from gameserver.topology import DELAYS_MS, Queues, delay_name
from gameserver.world.maps import load_world
from tasks.publisher import Publisher

log = logging.getLogger(__name__)

PAUSE_S = 0.25
LEASE_MARGIN_S = 1.0


T = TypeVar("T")


class _Turn:
    """One task on its way: until when its lease lasts, when it began, and how its events end."""

    def __init__(self, task_id: str, until_s: float, began_ms: int, began_s: float) -> None:
        self.task_id = task_id
        self.until_s = until_s
        self.began_ms = began_ms
        self.began_s = began_s
        self.outcomes: Counter[str] = Counter()


class WorkerDied(Exception):
    """A worker began this event and did not come to its end."""

    def __init__(self) -> None:
        super().__init__("its worker was killed, or its lease ran out")


class Server:
    """Handles batches, one at a time.

    ``clock_ms``: milliseconds since 1970; ``clock_s`` is monotonic; ``pause`` waits for so many seconds.
    """

    def __init__(
        self,
        *,
        applier: Applier,
        store: Store,
        publisher: Publisher,
        queues: Queues,
        origin: str,
        clock_ms: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._applier = applier
        self._store = store
        self._publisher = publisher
        self._queues = queues
        self._origin = origin
        self._clock_ms = clock_ms
        self._clock_s = clock_s
        self._pause = pause

    def handle(self, raw: list[dict[str, Any]], *, task_id: str, tried: bool, redelivered: bool) -> TaskReport:
        """One task. ``tried``: its events failed before; ``redelivered``: so did this very message.

        Returns what came of it. Raises ``Reject`` (back to the queue) when the data tier stays away, or nobody takes
        what is to be told.
        """
        began_s, began_ms = self._clock_s(), self._clock_ms()
        batch = read_batch(raw)
        until_s = began_s + batch[0].event.spec.lease_s - LEASE_MARGIN_S
        turn = _Turn(task_id, until_s, began_ms, began_s)
        try:
            if tried or redelivered:
                self._handle_carefully(batch, turn, redelivered)
            else:
                self._handle_fresh(batch, turn)
        except OperationalError as trouble:
            log.warning("not all of %s was told: %s", task_id, trouble)
            raise Reject(str(trouble), requeue=True) from trouble
        report = TaskReport(
            events=len(batch),
            outcomes=dict(turn.outcomes),
            waited_ms=max(0, began_ms - batch[0].at_ms),
            took_ms=self._took_ms(turn),
        )
        self._tidy()
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: %s", task_id, report, extra=about(*(envelope.id for envelope in batch)))
        return report

    def _tidy(self) -> None:
        """All is told, and the next batch is not here yet."""
        try:
            self._store.tidy()
        except Retryable as trouble:
            log.warning("left untidy: %s", trouble)

    def _took_ms(self, turn: _Turn) -> float:
        return round((self._clock_s() - turn.began_s) * 1000, 3)

    def _handle_fresh(self, batch: Sequence[Envelope], turn: _Turn) -> None:
        """All at once; what broke is tried again, each lane for itself."""
        applied = self._patiently(lambda: self._applier.apply(batch), turn)
        self._speak(applied, turn)
        for held in applied.held:
            trial = self._begin_trial(held.envelopes[0], turn)
            self._later(held, trial, turn)

    def _handle_carefully(self, batch: Sequence[Envelope], turn: _Turn, redelivered: bool) -> None:
        """One by one, every beginning counted, so that what kills its worker is known by its count.

        What was begun before and is here again took this message's last worker along: it leaves the batch, with what
        follows it in its lane, and its neighbours go on without it. What the lease is too short for goes on as a
        message of its own: an event that the lease's end interrupted would look like one that killed its worker.
        """
        held, rest = self._one_by_one(batch, turn, redelivered)
        # Before all others, because it may be refused and all of this come again: twice is harmless for these alone.
        self._pass_on(rest, turn)
        self._speak(self._applier.nothing(batch), turn)  # the gateways count on hearing that it is done
        for envelopes, cause, trial in held:
            self._later(Held(envelopes=tuple(envelopes), cause=cause), trial, turn)

    def _one_by_one(
        self, batch: Sequence[Envelope], turn: _Turn, redelivered: bool
    ) -> tuple[list[tuple[list[Envelope], BaseException, int]], list[Envelope]]:
        """Gives what broke, with what follows it in its lane, why, and how often it was tried; and what is left."""
        earlier = self._patiently(lambda: self._store.trials([envelope.id for envelope in batch]), turn)
        held: dict[str, tuple[list[Envelope], BaseException, int]] = {}
        rest: list[Envelope] = []
        slowest_s = 0.0
        for n, envelope in enumerate(batch):
            began_s = self._clock_s()
            if envelope.order in held:
                held[envelope.order][0].append(envelope)
                turn.outcomes["held"] += 1
            elif rest or (n and began_s + slowest_s > turn.until_s):  # one at least, however short the lease
                rest.append(envelope)
                turn.outcomes["left"] += 1
            else:
                cause, trial = self._try(envelope, turn, earlier.get(envelope.id, 0), redelivered)
                slowest_s = max(slowest_s, self._clock_s() - began_s)
                if cause is not None:
                    held[envelope.order] = [envelope], cause, trial
        return list(held.values()), rest

    def _pass_on(self, rest: Sequence[Envelope], turn: _Turn) -> None:
        """What the lease is too short for."""
        if rest:
            log.warning("%s: %d events are left, its lease is too short for them", turn.task_id, len(rest))
            self._publisher.task(task_message(rest, self._origin, attempts=1), self._queue(rest))

    def _try(self, envelope: Envelope, turn: _Turn, trial: int, redelivered: bool) -> tuple[BaseException | None, int]:
        """Try one event, unless it is known what it does. Returns why it broke, if it did, and how often it was tried.

        ``trial``: how often before.
        """
        if (trial and redelivered) or trial >= envelope.event.spec.max_attempts:
            turn.outcomes["worker_died"] += 1
            return WorkerDied(), trial
        trial = self._begin_trial(envelope, turn)
        return self._apply_alone(envelope, turn), trial

    def _apply_alone(self, envelope: Envelope, turn: _Turn) -> BaseException | None:
        """Apply one event. Returns why it broke, if it did."""
        applied = self._patiently(lambda: self._applier.apply([envelope], tried=True), turn)
        self._speak(applied, turn)
        return applied.held[0].cause if applied.held else None

    def _begin_trial(self, envelope: Envelope, turn: _Turn) -> int:
        return self._patiently(lambda: self._store.begin_trial(envelope.id, self._clock_ms()), turn)

    def _patiently(self, work: Callable[[], T], turn: _Turn) -> T:
        """Do it, waiting for the data tier as long as the lease lasts."""
        while True:
            try:
                return work()
            except Retryable as trouble:
                log.warning("waiting: %s", trouble)
                if self._clock_s() + PAUSE_S > turn.until_s:
                    raise Reject(str(trouble), requeue=True) from trouble
                self._pause(PAUSE_S)

    def _speak(self, applied: Applied, turn: _Turn, *, done: bool = True) -> None:
        outbound = applied.outbound
        if done:
            outbound = replace(outbound, task=turn.task_id, began_ms=turn.began_ms, took_ms=self._took_ms(turn))
        turn.outcomes.update(applied.outcomes)
        self._publisher.outbound(outbound, applied.keys)
        for group in self._groups(applied.born):
            self._publisher.task(task_message(group, self._origin), self._queue(group))
        self._patiently(lambda: self._store.published(applied.published), turn)

    def _later(self, held: Held, trial: int, turn: _Turn) -> None:
        """Again after a while, or (after the last trial) to the dead letters, and on with what followed in the lane."""
        if trial < held.envelopes[0].event.spec.max_attempts:
            delay = delay_name(DELAYS_MS[min(trial, len(DELAYS_MS)) - 1])
            message = task_message(held.envelopes, self._origin, attempts=trial)
            ids = [envelope.id for envelope in held.envelopes]
            log.info("%s after trial %d to %s: %s", message.task_id, trial, delay, held.cause, extra=about(*ids))
            self._publisher.task(message, self._queue(held.envelopes), exchange=delay)
            return
        guilty, *others = held.envelopes
        log.error("%s is given up after %d trials: %s", guilty.id, trial, held.cause, extra=about(guilty.id))
        buried = self._patiently(lambda: self._applier.bury(guilty, held.cause, trial), turn)
        self._speak(buried, turn, done=False)
        if others:
            self._publisher.task(task_message(others, self._origin), self._queue(others))

    def _queue(self, batch: Sequence[Envelope]) -> str:
        return self._queues.of(batch[0].event.spec, batch[0].place)

    def _groups(self, born: Sequence[Envelope]) -> Iterator[tuple[Envelope, ...]]:
        """Batches, each of one type and for one queue."""

        def where(envelope: Envelope) -> tuple[str, str]:
            return envelope.event.spec.task, self._queue([envelope])

        for _, group in groupby(sorted(born, key=where), key=where):
            envelopes = tuple(group)
            most = envelopes[0].event.spec.batch_max
            yield from (envelopes[n : n + most] for n in range(0, len(envelopes), most))

    def close(self) -> None:
        """Let go of broker and database."""
        self._publisher.close()
        self._store.close()


def clock_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def build(settings: Settings) -> Server:
    """Wire a process together."""
    store = Store(settings.database_url, load_world(settings.world_file))
    applier = Applier(
        store=store,
        rules=rules(),
        passwords=Argon2Passwords(),
        sealer=Sealer(read_key(settings.secret_key_file)),
        limits=settings.limits,
        clock_ms=clock_ms,
    )
    return Server(
        applier=applier,
        store=store,
        publisher=Publisher(settings.amqp_url, settings.queues),
        queues=settings.queues,
        origin=f"{os.getpid()}@{gethostname()}",
        clock_ms=clock_ms,
    )
