"""Wait for the data tier as long as a lease lasts, and give a task back where nothing else is left."""

import logging
from collections.abc import Callable
from typing import TypeVar

from celery.exceptions import Reject
from kombu.exceptions import OperationalError

from gameserver.errors import Retryable
from gameserver.runtime.logging import Seldom
from tasks.batches.task_run import TaskRun
from tasks.untold import Unpublishable, Untold

log = logging.getLogger(__name__)
untold = Seldom(log)

PAUSE_S = 0.25
REFUSED_PAUSE_S = 2.0  # in which the main process hears that a child was refused

T = TypeVar("T")


class Patience:
    """``clock_s``: monotonic seconds; ``pause`` waits for so many."""

    def __init__(self, clock_s: Callable[[], float], pause: Callable[[float], None]) -> None:
        self.clock_s = clock_s
        self._pause = pause

    def wait(self, work: Callable[[], T], run: TaskRun) -> T:
        """Do it, waiting for the data tier. Raises ``Reject`` (back to the queue) where the lease is too short."""
        while True:
            try:
                return work()
            except Retryable as trouble:
                log.warning("waiting: %s", trouble)
                if self.clock_s() + PAUSE_S > run.until_s:
                    raise Reject(str(trouble), requeue=True) from trouble
                self._pause(PAUSE_S)

    def or_give_back(self, work: Callable[[], None], run: TaskRun) -> None:
        """Do it. Raises ``Reject`` (back to the queue) whatever goes wrong: an exception would end in ``dead``."""
        try:
            work()
        except Reject:
            raise
        except Unpublishable as trouble:
            untold.warning("%s Events go back to their queue, and wait there.", trouble)
            self._pause(max(0.0, min(REFUSED_PAUSE_S, run.until_s - self.clock_s())))
            raise Untold(str(trouble), requeue=True) from trouble
        except OperationalError as trouble:
            log.warning("not all of %s was told: %s", run.task_id, trouble)
            raise Reject(str(trouble), requeue=True) from trouble
        except Exception as ours:  # no event's fault, those are held: it is counted when it comes again
            log.exception("%s could not be handled", run.task_id)
            self._pause(PAUSE_S)
            raise Reject(type(ours).__name__, requeue=True) from ours
