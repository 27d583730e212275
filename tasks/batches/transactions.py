"""Apply batches in transactions: where one breaks, halve it, in order, until the guilty event is alone."""

import logging
from collections.abc import Iterable, Sequence

from celery.exceptions import Reject

from gameserver.messages.envelope import Envelope
from gameserver.processing.applier import Applier
from gameserver.store.store import Trial
from tasks.batches.attempt_counts import AttemptCounts
from tasks.batches.database_wait import Patience
from tasks.batches.results import Results
from tasks.batches.task_run import TaskRun

log = logging.getLogger(__name__)


class Transactions:
    """Applies batches and publishes what comes of them. What fails is held in the run."""

    def __init__(self, applier: Applier, results: Results, trials: AttemptCounts, patience: Patience) -> None:
        self._applier = applier
        self._results = results
        self._trials = trials
        self._patience = patience

    def apply(self, batch: Sequence[Envelope], run: TaskRun, trial: Trial | None = None) -> None:
        """Apply it in one transaction; where that breaks, by halves.

        ``trial``: of the message. Halves do not end it, nor does any of them forget it.
        """
        parts = [batch]
        broke = False
        while parts:
            part = run.free(parts.pop(0))
            if broke and self._patience.clock_s() > run.until_s:
                self.pass_on([part, *parts], run)
                break
            fault = self.attempt(part, run, trial) if part else None
            if fault is not None:
                broke = True
                if trial is not None:
                    trial.ends = False
                parts[:0] = self._divide(part, fault, run)
        if broke and trial is not None:
            self._trials.forget([trial.id], run)

    def _divide(self, part: Sequence[Envelope], fault: BaseException, run: TaskRun) -> list[Sequence[Envelope]]:
        """Divide what broke as a whole into what is tried instead: nothing when the guilty event is found."""
        if len(part) == 1:
            run.fail(part[0], fault)
            return []
        log.warning("%s: a transaction of %d events broke, they are halved: %r", run.task_id, len(part), fault)
        middle = len(part) // 2
        return [part[:middle], part[middle:]]

    def attempt(
        self, part: Sequence[Envelope], run: TaskRun, trial: Trial | None = None, count: int = 0
    ) -> BaseException | None:
        """Apply it in one transaction and publish what comes of it. Returns what broke the transaction.

        ``count``: of trials of its first event.
        """
        try:
            applied = self._patience.wait(lambda: self._applier.apply(part, trial=trial, put_off=run.put_off), run)
        except Reject:
            raise
        except Exception as fault:
            return fault
        run.take(applied, count)
        self._results.publish(applied, run)
        return None

    def pass_on(self, parts: Iterable[Sequence[Envelope]], run: TaskRun) -> None:
        """What the lease is too short for; but what follows a failed event or one that was put off stays with that."""
        rest = [envelope for part in parts for envelope in run.free(part)]
        put_off = [envelope for envelope in rest if envelope.order in run.put_off]
        left = [envelope for envelope in rest if envelope.order not in run.put_off]
        if left:
            log.warning("%s: %d events are left, its lease is too short for them", run.task_id, len(left))
            self.leave(left, run)
        fault = self.attempt(put_off, run) if put_off else None  # no rule is asked, they are answered
        if fault is not None:
            raise fault

    def leave(self, batch: Sequence[Envelope], run: TaskRun) -> None:
        """Let events go on in a message of their own, as suspects."""
        run.outcomes["left"] += len(batch)
        self._results.send_on(batch, run, attempts=1)
