"""Apply what failed before, or was begun by a worker that died, perhaps because of it."""

import logging
from collections.abc import Callable, Sequence

from gameserver.messages.envelope import Envelope
from tasks.batches.attempt_counts import AttemptCounts
from tasks.batches.task_run import TaskRun
from tasks.batches.transactions import Transactions

log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """A worker began this event and did not come to its end."""

    def __init__(self) -> None:
        super().__init__("its worker was killed, or its lease ran out")


class Suspects:
    """Applies suspects, so that what kills its worker is known by its count, and costs nobody else anything."""

    def __init__(self, transactions: Transactions, trials: AttemptCounts, clock_s: Callable[[], float]) -> None:
        self._transactions = transactions
        self._trials = trials
        self._clock_s = clock_s

    def apply(self, batch: Sequence[Envelope], run: TaskRun, *, tried: bool, redelivered: bool) -> None:
        """Apply them as far as that is safe.

        A message is tried whole, and that is counted: an innocent one costs no more. One that is counted already took
        its worker along, and is split. A single lane can't be, for its order: it is tried event by event, each counted.
        """
        one_lane = all(envelope.order == batch[0].order for envelope in batch)
        if one_lane and (tried or len(batch) == 1):
            self._one_by_one(batch, run, redelivered)
        elif not self._trials.counts([run.task_id], run):
            self._transactions.apply(batch, run, self._trials.new(run.task_id))
        elif one_lane:
            self._one_by_one(batch, run, redelivered)
            self._trials.forget([run.task_id], run)
        else:
            self._split(batch, run)
            self._trials.forget([run.task_id], run)

    def _split(self, batch: Sequence[Envelope], run: TaskRun) -> None:
        """Publish it in two messages, of which one will take its worker along and the other will not."""
        log.warning("%s: its worker died; its %d events go on in two messages", run.task_id, len(batch))
        for half in halves_by_lanes(batch):
            self._transactions.leave(half, run)

    def _one_by_one(self, batch: Sequence[Envelope], run: TaskRun, redelivered: bool) -> None:
        """The events of one lane, every beginning counted.

        What was begun before and is here again took this message's last worker along: it is held, with what follows it.
        What the lease is too short for goes on as a message of its own: an event that the lease's end interrupted would
        look like one that killed its worker.
        """
        earlier = self._trials.counts([envelope.id for envelope in batch], run)
        slowest_s = 0.0
        for n, envelope in enumerate(batch):
            began_s = self._clock_s()
            if run.put_off or run.held or (n and began_s + slowest_s > run.until_s):  # one at least
                self._transactions.pass_on([batch[n:]], run)
                break
            self._try_alone(envelope, run, earlier.get(envelope.id, 0), redelivered)
            slowest_s = max(slowest_s, self._clock_s() - began_s)

    def _try_alone(self, envelope: Envelope, run: TaskRun, before: int, redelivered: bool) -> None:
        """Try one event, unless it is known what it does. ``before``: how often it was tried."""
        if (before and redelivered) or before >= envelope.event.spec.max_attempts:
            run.fail(envelope, WorkerDied(), "worker_died", before)
            return
        trial = self._trials.new(envelope.id)
        fault = self._transactions.attempt([envelope], run, trial, before + 1)
        if fault is not None:
            run.fail(envelope, fault, trial=before + 1 if trial.counted else 0)  # (it may have failed before it began)


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
