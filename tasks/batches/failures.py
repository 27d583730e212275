"""Try again what failed, after a while, or give it up after its last trial."""

import logging

from gameserver.broker.topology import DELAYS_MS, delay_name
from gameserver.processing.applier import Applier
from gameserver.runtime.logging import about
from tasks.batches.attempt_counts import AttemptCounts
from tasks.batches.database_wait import Patience
from tasks.batches.results import Results
from tasks.batches.task_run import HeldLane, TaskRun

log = logging.getLogger(__name__)


class Failures:
    """Decides what becomes of lanes that are held."""

    def __init__(self, applier: Applier, results: Results, trials: AttemptCounts, patience: Patience) -> None:
        self._applier = applier
        self._results = results
        self._trials = trials
        self._patience = patience

    def retry_or_dead_letter(self, held: HeldLane, run: TaskRun) -> None:
        """Try it again after a while, or dead-letter it after the last trial and go on with what followed it."""
        guilty = held.envelopes[0]
        trial = held.trial or self._trials.count(guilty.id, run)
        gave_up = trial >= guilty.event.spec.max_attempts
        run.note_cause(held.cause, gave_up=gave_up)
        if not gave_up:
            self._delay(held, trial, run)
        else:
            self._dead_letter(held, trial, run)

    def _delay(self, held: HeldLane, trial: int, run: TaskRun) -> None:
        delay = delay_name(DELAYS_MS[min(trial, len(DELAYS_MS)) - 1])
        ids = [envelope.id for envelope in held.envelopes]
        message = self._results.send_on(held.envelopes, run, attempts=trial, exchange=delay)
        log.info("%s after trial %d to %s: %r", message.task_id, trial, delay, held.cause, extra=about(*ids))

    def _dead_letter(self, held: HeldLane, trial: int, run: TaskRun) -> None:
        guilty, *others = held.envelopes
        log.error("%s is given up after %d trials: %r", guilty.id, trial, held.cause, extra=about(guilty.id))
        given_up = self._patience.wait(lambda: self._applier.dead_letter(guilty, held.cause, trial), run)
        run.outcomes.update(given_up.outcomes)
        self._results.publish(given_up, run, done=False)
        if others:
            self._results.send_on(others, run)
