"""Which families answer.

A batch is outstanding from when it was published until a process says that it is done with it. A family whose oldest
batch has been outstanding for too long, and of which nothing else was heard, is unavailable until a process is heard of
again. What a transient batch carries is worthless after a while, and then it no longer counts; a durable one counts for
a minute, and then the family is tried again.
"""

from gameserver.events.base import Spec

# A durable batch may have been lost with a queue: a family that fell because of it is tried again after so long.
TRIED_AGAIN_S = 60.0


class Health:
    """Families by what is outstanding. ``unavailable_s``: how long a batch may be. Times in seconds, monotonic."""

    def __init__(self, unavailable_s: float) -> None:
        self._unavailable_s = unavailable_s
        self._outstanding: dict[str, dict[str, tuple[float, float]]] = {}  # family -> task id -> (since, until)
        self._heard_s: dict[str, float] = {}  # family -> when a process last said something
        self._down: set[str] = set()

    def published(self, spec: Spec, task_id: str, now_s: float) -> None:
        """A batch is on its way."""
        until_s = now_s + (given_up_after_s(spec) if spec.stale_after_s else TRIED_AGAIN_S)
        self._outstanding.setdefault(spec.family, {})[task_id] = now_s, until_s

    def done(self, family: str, task_id: str, now_s: float) -> bool:
        """A process is done with a batch. Returns whether its family was unavailable, and is back."""
        self._heard_s[family] = now_s
        self._outstanding.get(family, {}).pop(task_id, None)
        was_down = family in self._down
        self._down.discard(family)
        return was_down

    def not_published(self, family: str, task_id: str) -> None:
        """A batch did not reach its queue."""
        self._outstanding.get(family, {}).pop(task_id, None)

    def forget(self) -> None:
        """The broker is away: nobody knows what is outstanding."""
        self._outstanding.clear()
        self._down.clear()

    @property
    def down(self) -> frozenset[str]:
        """The families that are unavailable."""
        return frozenset(self._down)

    def is_down(self, family: str) -> bool:
        """Whether a family is unavailable."""
        return family in self._down

    def sweep(self, now_s: float) -> tuple[list[str], list[str]]:
        """Look at all families. Returns those that became unavailable, and those that may be tried again."""
        fallen, back = [], []
        for family, batches in self._outstanding.items():
            for task_id in [id_ for id_, (_, until_s) in batches.items() if until_s <= now_s]:
                del batches[task_id]
            silent = now_s - self._heard_s.get(family, float("-inf")) > self._unavailable_s
            overdue = silent and any(now_s - since_s > self._unavailable_s for since_s, _ in batches.values())
            if overdue and family not in self._down:
                fallen.append(family)
            elif not batches and family in self._down:
                back.append(family)
        self._down.update(fallen)
        self._down.difference_update(back)
        return fallen, back


def given_up_after_s(spec: Spec) -> float:
    """When a transient event that nobody answered can no longer take effect: gone stale, and a lease later."""
    return spec.stale_after_s + spec.lease_s
