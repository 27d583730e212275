"""What beat sends and when: events numbered by the time, so that the ticks of two beats are the same ones."""

import time
from datetime import datetime
from typing import Any

from celery.beat import Scheduler
from celery.schedules import schedstate, schedule

TICK_S = 0.5
SWEEP_S = 1.0

_PERIODS_S = {"tick": TICK_S, "sweep": SWEEP_S}


def pulse(event: str) -> list[dict[str, Any]]:
    """A batch of one tick or sweep, as a task takes it."""
    now_s = time.time()
    n = int(now_s / _PERIODS_S[event])
    return [{"id": f"{event}:{n}", "event": {"type": event, "n": n}, "at_ms": int(now_s * 1000)}]


class EachPeriod(schedule):
    """Due once in each period, as it begins: those are numbered by the time, and no number may be left out.

    Celery's own counts a period from the last time on, which is always a little late: each comes later than the one
    before, and now and then a number has none.
    """

    def is_due(self, last_run_at: datetime) -> Any:
        """Whether a new period has begun since, and the seconds until the next begins."""
        now_s, last_s = self.now().timestamp(), last_run_at.timestamp()
        if now_s // self.seconds > last_s // self.seconds:
            return schedstate(True, 0.0)  # ask again: what is left of the period is known when this was published
        return schedstate(False, self.seconds - now_s % self.seconds)


class PunctualScheduler(Scheduler):
    """Celery's scheduler, which sleeps until something is due, and keeps no file: numbers come from the time.

    Celery's own wakes 10 ms before that, and then asks without a pause whether it is due by now: with a tick twice a
    second that burns a fiftieth of a processor.
    """

    def adjust(self, n: float | None, drift: float = 0.0) -> float | None:
        """Seconds to wait, as they are."""
        return n
