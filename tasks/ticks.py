"""What beat sends and when: events numbered by the time, so that the ticks of two beats are the same ones."""

import time
from typing import Any

from celery.beat import PersistentScheduler

TICK_S = 0.5
SWEEP_S = 1.0

_PERIODS_S = {"tick": TICK_S, "sweep": SWEEP_S}


def pulse(event: str) -> list[dict[str, Any]]:
    """A batch of one tick or sweep, as a task takes it."""
    now_s = time.time()
    n = int(now_s / _PERIODS_S[event])
    return [{"id": f"{event}:{n}", "event": {"type": event, "n": n}, "at_ms": int(now_s * 1000)}]


class PunctualScheduler(PersistentScheduler):
    """Celery's scheduler, which sleeps until something is due.

    Celery's own wakes 10 ms before that, and then asks without a pause whether it is due by now: with a tick twice a
    second that burns a fiftieth of a processor.
    """

    def adjust(self, n: float | None, drift: float = 0.0) -> float | None:
        """Seconds to wait, as they are."""
        return n
