"""Count how often what is suspected was begun: the count outlives the worker that it kills."""

from collections.abc import Callable, Sequence

from gameserver.store import Store
from gameserver.store.store import Trial
from tasks.batches.database_wait import Patience
from tasks.batches.task_run import TaskRun


class AttemptCounts:
    """The counts of messages and events, by id. ``clock_ms``: server time."""

    def __init__(self, store: Store, patience: Patience, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._patience = patience
        self._clock_ms = clock_ms

    def new(self, id_: str) -> Trial:
        """Make one that is counted as its transaction begins."""
        return Trial(id_, self._clock_ms())

    def counts(self, ids: Sequence[str], run: TaskRun) -> dict[str, int]:
        """Return how often each of these was begun; those that never were are left out."""
        return self._patience.wait(lambda: self._store.trials(ids), run)

    def count(self, id_: str, run: TaskRun) -> int:
        """Count one more, and return how many that makes."""
        return self._patience.wait(lambda: self._store.begin_trial(id_, self._clock_ms()), run)

    def forget(self, ids: Sequence[str], run: TaskRun) -> None:
        """Forget what came to its end."""
        self._patience.wait(lambda: self._store.forget_trials(ids), run)
