"""The process server: what a worker's child does with a batch.

Apply it in one transaction, then publish: its result to the gateways, new events to the queue. Only then is the task
acknowledged. What dies in between is delivered again and finds itself applied. A batch whose database is away waits
within its lease (``batches.database_wait``).

Whatever one event's code does wrong costs that event alone. What raises within its own steps is held, with what follows
it in its lane; what breaks the whole transaction is found by halves of the batch, each a transaction
(``batches.transactions``). What took its worker along is found by halves of the message: one that was begun (which is
counted) and is here again is split in two (``batches.suspects``). An event that is held, or that took its worker along
alone, goes to the delays, and after its last trial to the dead letters (``batches.failures``).
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache, partial
from socket import gethostname
from typing import Any

from celery.exceptions import Reject
from msgspec.structs import replace

from gameserver.broker.topology import Queues, topology
from gameserver.config import Settings
from gameserver.errors import Retryable
from gameserver.maps.world import load_world
from gameserver.messages.process_reports import TaskReport
from gameserver.messages.readability import Sorted, all_unread, is_awaited, sort_out
from gameserver.operations.current_maps import CurrentMaps
from gameserver.processing.applier import Applier
from gameserver.processing.dead_letters import cause_of, traceback_of
from gameserver.rules.book import rules
from gameserver.runtime.logging import about
from gameserver.security.passwords import Argon2Passwords
from gameserver.security.sealing import Sealer, read_key
from gameserver.store import Store
from tasks.batches.attempt_counts import AttemptCounts
from tasks.batches.database_wait import Patience
from tasks.batches.failures import Failures
from tasks.batches.results import Results
from tasks.batches.suspects import Suspects
from tasks.batches.task_run import TaskRun
from tasks.batches.transactions import Transactions
from tasks.publisher import Publisher
from tasks.unread_messages import NOWHERE, Origin, UnreadEvents

log = logging.getLogger(__name__)

NOT_READY_PAUSE_S = 1.0  # until a worker that begins looks again whether its database can be written
TRACEBACK_CHARS_MAX = 4_000  # of a report's, which travels to Flower; a dead letter keeps more
LEASE_MARGIN_S = 1.0
PUT_OFF_S_MAX = 4.0  # what is left of any lease, nearly, for a database that is away

world = cache(load_world)  # read once for a parent and its forks


class BatchProcessor:
    """Handles batches, one at a time.

    ``clock_ms``: server time, ``skew_ms`` how far this machine's clock is ahead of it; ``clock_s`` is monotonic;
    ``pause`` waits for so many seconds. ``refresh_maps`` is called before each batch.
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
        refresh_maps: Callable[[], None] = lambda: None,
    ) -> None:
        self._applier = applier
        self._store = store
        self._publisher = publisher
        self._clock_ms = clock_ms
        self._clock_s = clock_s
        self._skew_ms = skew_ms
        self._refresh_maps = refresh_maps
        self._patience = Patience(clock_s, pause)
        self._trials = AttemptCounts(store, self._patience, clock_ms)
        self._results = Results(publisher, store, queues, origin, self._patience)
        self._transactions = Transactions(applier, self._results, self._trials, self._patience)
        self._suspects = Suspects(self._transactions, self._trials, clock_s)
        self._failures = Failures(applier, self._results, self._trials, self._patience)
        self._unread = UnreadEvents(store, publisher, origin, clock_ms)

    def handle(self, raw: Any, *, task_id: str, tried: bool, redelivered: bool, whence: Origin = NOWHERE) -> TaskReport:
        """One task. ``tried``: its events failed before, or are suspects; ``redelivered``: so did this very message.

        Returns what came of it. Raises ``Reject``: back to the queue when the data tier stays away, or nobody takes
        what is to be told; to the broker's ``dead`` what holds no event at all.
        """
        began_s, began_ms = self._clock_s(), self._clock_ms()
        found = sort_out(raw, whence.task)
        if not found.batch:
            return self._put_off(found, task_id, whence)
        until_s = began_s + found.batch[0].event.spec.lease_s - LEASE_MARGIN_S
        run = TaskRun(task_id, until_s, began_ms, began_s, found, whence.copy)
        work = partial(self._work, found, whence, run, tried=tried, redelivered=redelivered)
        self._patience.or_give_back(work, run)
        report = self._report(found, run)
        self._tidy()
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: %s", task_id, report, extra=about(*(envelope.id for envelope in found.batch)))
        return report

    def _work(self, found: Sorted, whence: Origin, run: TaskRun, *, tried: bool, redelivered: bool) -> None:
        self._patience.wait(self._refresh_maps, run)
        if tried or redelivered:
            self._suspects.apply(found.batch, run, tried=tried, redelivered=redelivered)
        else:
            self._transactions.apply(found.batch, run)
        if not run.is_published:  # the gateways count on hearing that it is done
            self._results.publish(self._applier.nothing(found.batch), run)
        for held in run.held.values():
            self._failures.retry_or_dead_letter(held, run)
        if found.unread or found.junk or found.tails:
            self._set_apart(found, whence, run)

    def _set_apart(self, found: Sorted, whence: Origin, run: TaskRun) -> None:
        """What this process can't read leaves its neighbours, once all that precedes it in its lane has ended."""
        apart = replace(found, unread=[*found.unread, *run.ended_tails()])
        run.outcomes.update(self._patience.wait(lambda: self._unread.put_off(apart, whence), run))
        dropped = [one["id"] for one in apart.unread if not is_awaited(one)]
        self._trials.forget([run.task_id, *dropped], run)  # of a worker that could read it, and died: it ends here

    def put_off(self, raw: Any, *, task_id: str, whence: Origin) -> TaskReport:
        """One task of a type that this version does not know. Raises ``Reject`` as ``handle`` does."""
        return self._put_off(all_unread(raw), task_id, whence)

    def _put_off(self, found: Sorted, task_id: str, whence: Origin) -> TaskReport:
        if not found.unread:
            log.error("%s holds nothing that any version could read", task_id)
            raise Reject("nothing that can be read", requeue=False)
        began_s, began_ms = self._clock_s(), self._clock_ms()
        run = TaskRun(task_id, began_s + PUT_OFF_S_MAX, began_ms, began_s, found, whence.copy)
        self._patience.or_give_back(lambda: self._set_apart(found, whence, run), run)
        events = len(found.unread) + len(found.junk)
        return TaskReport(events=events, outcomes=dict(run.outcomes), waited_ms=0, took_ms=run.took_ms(self._clock_s()))

    def _report(self, found: Sorted, run: TaskRun) -> TaskReport:
        return TaskReport(
            events=len(found.batch),
            outcomes=dict(run.outcomes),
            waited_ms=run.began_ms - found.batch[0].at_ms,
            skew_ms=round(self._skew_ms(), 1),
            took_ms=run.took_ms(self._clock_s()),
            cause=cause_of(run.cause) if run.cause else "",
            traceback=traceback_of(run.cause, TRACEBACK_CHARS_MAX) if run.cause else "",
        )

    def _tidy(self) -> None:
        """All is told, and the next batch is not here yet."""
        try:
            self._store.tidy()
        except Retryable as trouble:
            log.warning("left untidy: %s", trouble)

    def close(self) -> None:
        """Close the connections to broker and database."""
        self._publisher.close()
        self._store.close()


def preload(settings: Settings) -> None:
    """Import and read what ``build`` needs, for a process whose forks will build. It needs no database."""
    known = world(settings.world_file)
    with suppress(Retryable):  # whoever is to take events waits for it
        Store(settings.database_url, known).close()


def wait_until_ready(settings: Settings, pause: Callable[[float], None] = time.sleep) -> None:
    """Return when what events need can be done. Raises ``Corrupt`` where waiting does not help.

    No worker says that it is ready, and takes events, before it has done that once.
    """
    read_key(settings.secret_key_file)
    while not _is_ready(settings):
        pause(NOT_READY_PAUSE_S)


def _is_ready(settings: Settings) -> bool:
    try:
        with closing(Store(settings.database_url, world(settings.world_file))) as store:
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
        refresh_maps=CurrentMaps(store, store.now_ms).refresh,
    )
