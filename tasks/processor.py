"""The process server: what a worker's child does with a batch.

Apply it in one transaction, then publish: its result to the gateways, new events to the queue. Only then is the task
acknowledged. What dies in between is delivered again and finds itself applied. A batch whose database is away waits
within its lease.

Whatever one event's code does wrong costs that event alone. What raises within its own steps is held, with what follows
it in its lane; what breaks the whole transaction is found by halves of the batch, each a transaction. What took its
worker along is found by halves of the message: one that was begun (which is counted) and is here again is split in two.
An event that is held, or that took its worker along alone, goes to the delays, and after its last trial to the dead
letters.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from socket import gethostname
from typing import Any, TypeVar
from zlib import crc32

from celery.exceptions import Reject
from kombu.exceptions import OperationalError
from msgspec.structs import replace

from gameserver.broker.topology import DELAYS_MS, Queues, delay_name, topology
from gameserver.config import Settings
from gameserver.errors import Retryable
from gameserver.maps.world import load_world
from gameserver.messages.envelope import Envelope
from gameserver.messages.reports import TaskReport
from gameserver.messages.task_message import NO_TAIL, Tail, TaskMessage, task_message
from gameserver.messages.unread import Sorted, all_unread, sort_out
from gameserver.processing.applied import Applied
from gameserver.processing.applier import Applier
from gameserver.processing.dead_letters import cause_of, traceback_of
from gameserver.rules.book import rules
from gameserver.runtime.logging import about
from gameserver.security.passwords import Argon2Passwords
from gameserver.security.sealing import Sealer, read_key
from gameserver.store import Store
from gameserver.store.store import Trial
from tasks.publisher import Publisher
from tasks.task_run import HeldLane, TaskRun
from tasks.unread import NOWHERE, Origin, UnreadEvents

log = logging.getLogger(__name__)

PAUSE_S = 0.25
NOT_READY_PAUSE_S = 1.0  # until a worker that begins looks again whether its database can be written
TRACEBACK_CHARS_MAX = 4_000  # of a report's, which travels to Flower; a dead letter keeps more
LEASE_MARGIN_S = 1.0
COPIES = 10_000  # names of tasks that carry the same events
PUT_OFF_S_MAX = 4.0  # what is left of any lease, nearly, for a database that is away

world = cache(load_world)  # read once for a parent and its forks

T = TypeVar("T")


class WorkerDied(Exception):
    """A worker began this event and did not come to its end."""

    def __init__(self) -> None:
        super().__init__("its worker was killed, or its lease ran out")


class BatchProcessor:
    """Handles batches, one at a time.

    ``clock_ms``: server time, ``skew_ms`` how far this machine's clock is ahead of it; ``clock_s`` is monotonic;
    ``pause`` waits for so many seconds.
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
        skew_ms: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._applier = applier
        self._store = store
        self._publisher = publisher
        self._queues = queues
        self._origin = origin
        self._clock_ms = clock_ms
        self._clock_s = clock_s
        self._pause = pause
        self._unread = UnreadEvents(store, publisher, origin, clock_ms)
        self._skew_ms = skew_ms

    def handle(self, raw: Any, *, task_id: str, tried: bool, redelivered: bool, whence: Origin = NOWHERE) -> TaskReport:
        """One task. ``tried``: its events failed before, or are suspects; ``redelivered``: so did this very message.

        Returns what came of it. Raises ``Reject``: back to the queue when the data tier stays away, or nobody takes
        what is to be told; to the broker's ``dead`` what holds no event at all.
        """
        began_s, began_ms = self._clock_s(), self._clock_ms()
        found = sort_out(raw, whence.task)
        batch = found.batch
        if not batch:
            return self._put_off(found, task_id, whence)
        until_s = began_s + batch[0].event.spec.lease_s - LEASE_MARGIN_S
        run = TaskRun(task_id, until_s, began_ms, began_s, found, whence.copy)
        self._or_give_back(lambda: self._work(found, whence, run, tried=tried, redelivered=redelivered), run)
        report = TaskReport(
            events=len(batch),
            outcomes=dict(run.outcomes),
            waited_ms=began_ms - batch[0].at_ms,
            skew_ms=round(self._skew_ms(), 1),
            took_ms=self._took_ms(run),
            cause=cause_of(run.cause) if run.cause else "",
            traceback=traceback_of(run.cause, TRACEBACK_CHARS_MAX) if run.cause else "",
        )
        self._tidy()
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: %s", task_id, report, extra=about(*(envelope.id for envelope in batch)))
        return report

    def _or_give_back(self, work: Callable[[], None], run: TaskRun) -> None:
        """Do it. Raises ``Reject`` (back to the queue) whatever goes wrong: an exception would end in ``dead``."""
        try:
            work()
        except Reject:
            raise
        except OperationalError as trouble:
            log.warning("not all of %s was told: %s", run.task_id, trouble)
            raise Reject(str(trouble), requeue=True) from trouble
        except Exception as ours:  # no event's fault, those are held: it is counted when it comes again
            log.exception("%s could not be handled", run.task_id)
            self._pause(PAUSE_S)
            raise Reject(type(ours).__name__, requeue=True) from ours

    def _work(self, found: Sorted, whence: Origin, run: TaskRun, *, tried: bool, redelivered: bool) -> None:
        batch = found.batch
        if tried or redelivered:
            self._handle_carefully(batch, run, tried=tried, redelivered=redelivered)
        else:
            self._apply(batch, run)
        if not run.is_published:
            self._publish_results(self._applier.nothing(batch), run)  # the gateways count on hearing that it is done
        for held in run.held.values():
            self._retry_or_dead_letter(held, run)
        if found.unread or found.junk or found.tails:
            self._set_apart(found, whence, run)

    def _set_apart(self, found: Sorted, whence: Origin, run: TaskRun) -> None:
        """What this process can't read leaves its neighbours, once all that precedes it in its lane has ended."""
        apart = replace(found, unread=[*found.unread, *run.ended_tails()])
        run.outcomes.update(self._patiently(lambda: self._unread.put_off(apart, whence), run))
        self._forget_trial(run.task_id, run)  # of a worker that could read it all, and died: the message ends here

    def put_off(self, raw: Any, *, task_id: str, whence: Origin) -> TaskReport:
        """One task of a type that this version does not know. Raises ``Reject`` as ``handle`` does."""
        return self._put_off(all_unread(raw), task_id, whence)

    def _put_off(self, found: Sorted, task_id: str, whence: Origin) -> TaskReport:
        if not found.unread:
            log.error("%s holds nothing that any version could read", task_id)
            raise Reject("nothing that can be read", requeue=False)
        began_s, began_ms = self._clock_s(), self._clock_ms()
        run = TaskRun(task_id, began_s + PUT_OFF_S_MAX, began_ms, began_s, found, whence.copy)
        self._or_give_back(lambda: self._set_apart(found, whence, run), run)
        events = len(found.unread) + len(found.junk)
        return TaskReport(events=events, outcomes=dict(run.outcomes), waited_ms=0, took_ms=self._took_ms(run))

    def _tidy(self) -> None:
        """All is told, and the next batch is not here yet."""
        try:
            self._store.tidy()
        except Retryable as trouble:
            log.warning("left untidy: %s", trouble)

    def _took_ms(self, run: TaskRun) -> float:
        return round((self._clock_s() - run.began_s) * 1000, 3)

    def _handle_carefully(self, batch: Sequence[Envelope], run: TaskRun, *, tried: bool, redelivered: bool) -> None:
        """What failed before, or was begun by a worker that died, perhaps because of it.

        A message is tried whole, and that is counted: an innocent one costs no more. One that is counted already took
        its worker along, and is split. A single lane can't be, for its order: it is tried event by event, each counted.
        """
        one_lane = all(envelope.order == batch[0].order for envelope in batch)
        if one_lane and (tried or len(batch) == 1):
            self._one_by_one(batch, run, redelivered)
        elif not self._trials([run.task_id], run):
            self._apply(batch, run, Trial(run.task_id, self._clock_ms()))
        elif one_lane:
            self._one_by_one(batch, run, redelivered)
            self._forget_trial(run.task_id, run)
        else:
            self._split(batch, run)
            self._forget_trial(run.task_id, run)

    def _split(self, batch: Sequence[Envelope], run: TaskRun) -> None:
        """Publish it in two messages, of which one will take its worker along and the other will not."""
        log.warning("%s: its worker died; its %d events go on in two messages", run.task_id, len(batch))
        for half in halves_by_lanes(batch):
            self._publish_suspects(half, run)

    def _publish_suspects(self, batch: Sequence[Envelope], run: TaskRun) -> None:
        run.outcomes["left"] += len(batch)
        message = self._again(batch, run, attempts=1, tail=run.take_tail(batch))
        self._publisher.task(message, self._queue(batch))

    def _apply(self, batch: Sequence[Envelope], run: TaskRun, trial: Trial | None = None) -> None:
        """Apply it in one transaction; where that breaks, by halves, in order, until the guilty event is alone.

        ``trial``: of the message. Halves do not end it, nor does any of them forget it.
        """
        parts = [batch]
        broke = False
        while parts:
            part = run.free(parts.pop(0))
            if broke and self._clock_s() > run.until_s:
                self._pass_on([part, *parts], run)
                break
            fault = self._try(part, run, trial) if part else None
            if fault is not None:
                broke = True
                if trial is not None:
                    trial.ends = False
                parts[:0] = self._divide(part, fault, run)
        if broke and trial is not None:
            self._forget_trial(trial.id, run)

    def _divide(self, part: Sequence[Envelope], fault: BaseException, run: TaskRun) -> list[Sequence[Envelope]]:
        """Divide what broke as a whole into what is tried instead: nothing when the guilty event is found."""
        if len(part) == 1:
            run.fail(part[0], fault)
            return []
        log.warning("%s: a transaction of %d events broke, they are halved: %r", run.task_id, len(part), fault)
        middle = len(part) // 2
        return [part[:middle], part[middle:]]

    def _try(self, part: Sequence[Envelope], run: TaskRun, trial: Trial | None, count: int = 0) -> BaseException | None:
        """Apply it, and publish its result. Returns what broke the transaction. ``count``: of trials of its first."""
        try:
            applied = self._patiently(lambda: self._applier.apply(part, trial=trial, put_off=run.put_off), run)
        except Reject:
            raise
        except Exception as fault:
            return fault
        run.take(applied, count)
        self._publish_results(applied, run)
        return None

    def _one_by_one(self, batch: Sequence[Envelope], run: TaskRun, redelivered: bool) -> None:
        """The events of one lane, every beginning counted, so that what kills its worker is known by its count.

        What was begun before and is here again took this message's last worker along: it is held, with what follows it.
        What the lease is too short for goes on as a message of its own: an event that the lease's end interrupted would
        look like one that killed its worker.
        """
        earlier = self._trials([envelope.id for envelope in batch], run)
        slowest_s = 0.0
        for n, envelope in enumerate(batch):
            began_s = self._clock_s()
            if run.put_off or run.held or (n and began_s + slowest_s > run.until_s):  # one at least
                self._pass_on([batch[n:]], run)
                break
            self._try_alone(envelope, run, earlier.get(envelope.id, 0), redelivered)
            slowest_s = max(slowest_s, self._clock_s() - began_s)

    def _try_alone(self, envelope: Envelope, run: TaskRun, before: int, redelivered: bool) -> None:
        """Try one event, unless it is known what it does. ``before``: how often it was tried."""
        if (before and redelivered) or before >= envelope.event.spec.max_attempts:
            run.fail(envelope, WorkerDied(), "worker_died", before)
            return
        trial = Trial(envelope.id, self._clock_ms())
        fault = self._try([envelope], run, trial, before + 1)
        if fault is not None:
            run.fail(envelope, fault, trial=before + 1 if trial.counted else 0)  # (it may have failed before it began)

    def _pass_on(self, parts: Iterable[Sequence[Envelope]], run: TaskRun) -> None:
        """What the lease is too short for; but what follows a failed event or one that was put off stays with that."""
        rest = [envelope for part in parts for envelope in run.free(part)]
        put_off = [envelope for envelope in rest if envelope.order in run.put_off]
        left = [envelope for envelope in rest if envelope.order not in run.put_off]
        if left:
            log.warning("%s: %d events are left, its lease is too short for them", run.task_id, len(left))
            self._publish_suspects(left, run)
        fault = self._try(put_off, run, None) if put_off else None  # no rule is asked, they are answered
        if fault is not None:
            raise fault

    def _trials(self, ids: Sequence[str], run: TaskRun) -> dict[str, int]:
        return self._patiently(lambda: self._store.trials(ids), run)

    def _forget_trial(self, id_: str, run: TaskRun) -> None:
        self._patiently(lambda: self._store.forget_trials([id_]), run)

    def _patiently(self, work: Callable[[], T], run: TaskRun) -> T:
        """Do it, waiting for the data tier as long as the lease lasts."""
        while True:
            try:
                return work()
            except Retryable as trouble:
                log.warning("waiting: %s", trouble)
                if self._clock_s() + PAUSE_S > run.until_s:
                    raise Reject(str(trouble), requeue=True) from trouble
                self._pause(PAUSE_S)

    def _publish_results(self, applied: Applied, run: TaskRun, *, done: bool = True) -> None:
        outbound = applied.outbound
        if done:
            run.is_published = True
            outbound = replace(outbound, task=run.task_id, began_ms=run.began_ms, took_ms=self._took_ms(run))
        self._publisher.outbound(outbound, applied.keys)
        for group in self._groups(applied.born):
            self._publisher.task(self._again(group, run), self._queue(group))
        self._patiently(lambda: self._store.published(applied.published), run)

    def _retry_or_dead_letter(self, held: HeldLane, run: TaskRun) -> None:
        """Try it again after a while, or dead-letter it after the last trial and go on with what followed it."""
        guilty = held.envelopes[0]
        trial = held.trial or self._patiently(lambda: self._store.begin_trial(guilty.id, self._clock_ms()), run)
        gave_up = trial >= guilty.event.spec.max_attempts
        run.note_cause(held.cause, gave_up=gave_up)
        if not gave_up:
            self._delay(held, trial, run)
        else:
            self._dead_letter(held, trial, run)

    def _again(self, batch: Sequence[Envelope], run: TaskRun, attempts: int = 0, tail: Tail = NO_TAIL) -> TaskMessage:
        """The message in which events go on, named after the task in which they come.

        What is tried again of another copy, or is sent again by another sweep, is another task: one that an operator
        revoked is refused by all workers, for ever.
        """
        copy = crc32(run.task_id.encode()) % COPIES + 1
        return task_message(batch, self._origin, attempts=attempts, copy=copy, tail=tail)

    def _delay(self, held: HeldLane, trial: int, run: TaskRun) -> None:
        delay = delay_name(DELAYS_MS[min(trial, len(DELAYS_MS)) - 1])
        message = self._again(held.envelopes, run, attempts=trial, tail=run.take_tail(held.envelopes))
        ids = [envelope.id for envelope in held.envelopes]
        log.info("%s after trial %d to %s: %r", message.task_id, trial, delay, held.cause, extra=about(*ids))
        self._publisher.task(message, self._queue(held.envelopes), exchange=delay)

    def _dead_letter(self, held: HeldLane, trial: int, run: TaskRun) -> None:
        guilty, *others = held.envelopes
        log.error("%s is given up after %d trials: %r", guilty.id, trial, held.cause, extra=about(guilty.id))
        given_up = self._patiently(lambda: self._applier.dead_letter(guilty, held.cause, trial), run)
        run.outcomes.update(given_up.outcomes)
        self._publish_results(given_up, run, done=False)
        if others:
            self._publisher.task(self._again(others, run, tail=run.take_tail(others)), self._queue(others))

    def _queue(self, batch: Sequence[Envelope]) -> str:
        return self._queues.of(batch[0].event.spec, batch[0].shard_key)

    def _groups(self, born: Sequence[Envelope]) -> Iterator[tuple[Envelope, ...]]:
        """Batches, each of one type and for one queue."""

        def where(envelope: Envelope) -> tuple[str, str]:
            return envelope.event.spec.task, self._queue([envelope])

        for _, group in groupby(sorted(born, key=where), key=where):
            envelopes = tuple(group)
            most = envelopes[0].event.spec.batch_max
            yield from (envelopes[n : n + most] for n in range(0, len(envelopes), most))

    def close(self) -> None:
        """Close the connections to broker and database."""
        self._publisher.close()
        self._store.close()


def halves_by_lanes(batch: Sequence[Envelope]) -> tuple[list[Envelope], list[Envelope]]:
    """A batch of several lanes in two parts, neither empty, and no lane in both: they may be applied in any order."""
    lanes: dict[str, list[Envelope]] = {}
    for envelope in batch:
        lanes.setdefault(envelope.order, []).append(envelope)
    first: list[Envelope] = []
    second: list[Envelope] = []
    for lane in lanes.values():
        fits = not first or len(first) + len(lane) <= len(batch) // 2
        (first if fits else second).extend(lane)
    return first, second


def preload(settings: Settings) -> None:
    """Import and read what ``build`` needs, for a process whose forks will build."""
    Store(settings.database_url, world(settings.world_file)).close()


def wait_until_ready(settings: Settings, pause: Callable[[float], None] = time.sleep) -> None:
    """Return when what events need can be done. Raises ``Corrupt`` where waiting does not help.

    No worker says that it is ready, and takes events, before it has done that once.
    """
    read_key(settings.secret_key_file)
    store = Store(settings.database_url, world(settings.world_file))
    try:
        while not _is_ready(store):
            pause(NOT_READY_PAUSE_S)
    finally:
        store.close()


def _is_ready(store: Store) -> bool:
    try:
        store.check()
    except Retryable as trouble:
        log.warning("not ready: %s", trouble)
        return False
    return True


def build(settings: Settings) -> BatchProcessor:
    """Wire a process together."""
    store = Store(settings.database_url, world(settings.world_file))
    try:
        store.learn_time()
    except Retryable as trouble:
        log.warning("the time is this machine's until the database says another: %s", trouble)
    applier = Applier(
        store=store,
        rules=rules(),
        passwords=Argon2Passwords(),
        sealer=Sealer(read_key(settings.secret_key_file)),
        limits=settings.limits,
        clock_ms=store.now_ms,
    )
    return BatchProcessor(
        applier=applier,
        store=store,
        publisher=Publisher(settings.amqp_url, topology(settings.limits, settings.queues)),
        queues=settings.queues,
        origin=f"{os.getpid()}@{gethostname()}",
        clock_ms=store.now_ms,
        skew_ms=store.skew_ms,
    )
