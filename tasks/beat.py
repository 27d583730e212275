"""What beat sends and when: events numbered by the time, so that the ticks of two beats are the same ones.

Beat's time is its machine's clock as it once was, and goes on steadily from there; where the two come apart by more
than the tolerance, because the clock was set, beat follows at once. So no clock that is set back makes beat wait.
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from celery.beat import BeatLazyFunc, Scheduler
from celery.schedules import schedule

from gameserver.broker.topology import TICK
from gameserver.declare.base import Spec
from gameserver.runtime.logging import Seldom
from gameserver.server_time import CLOCK_TOLERANCE_MS

log = logging.getLogger(__name__)
unshown = Seldom(log)
unsent = Seldom(log)

LOOKS_S = 1.0  # between two looks whether somebody takes ticks again
WAITS_S = 5  # the broker drops what waits in its queue for longer: a world that slept does not live through its nights


class BeatClock:
    """Seconds since 1970, as steady as ``steady_s`` (monotonic), and no farther from ``wall_s`` than the tolerance."""

    def __init__(self, steady_s: Callable[[], float] = time.monotonic, wall_s: Callable[[], float] = time.time) -> None:
        self._steady_s = steady_s
        self._wall_s = wall_s
        self._ahead_s = wall_s() - steady_s()

    def seconds(self) -> float:
        """The time by which ticks are numbered."""
        wall_s, now_s = self._wall_s(), self._steady_s() + self._ahead_s
        if abs(wall_s - now_s) * 1000 > CLOCK_TOLERANCE_MS:
            self._ahead_s += wall_s - now_s
            return wall_s
        return now_s


clock = BeatClock()


def schedule_of(periodic: Iterable[Spec]) -> dict[str, dict[str, Any]]:
    """Celery's ``beat_schedule`` for event types that are declared with ``every_s``.

    The broker itself drops those that nobody takes in time: Celery's ``expires`` is a time by beat's clock, which the
    worker compares with its own. A second routing key (RabbitMQ's ``CC``) keeps them out of the queue ``dead``.
    """
    return {
        spec.name: {
            "task": spec.task,
            "schedule": spec.every_s,
            "args": (BeatLazyFunc(pulse, spec.name, spec.every_s),),
            "options": {
                "expiration": max(WAITS_S, 2 * spec.every_s),
                "argsrepr": f"beat {spec.name}",
                "headers": {"CC": [TICK]},
            },
        }
        for spec in periodic
    }


def pulse(event: str, every_s: float) -> list[dict[str, Any]]:
    """Make a batch of one event, numbered by its period, as a task takes it."""
    now_s = clock.seconds()
    n = int(now_s / every_s)
    return [{"id": f"{event}:{n}", "event": {"type": event, "n": n}, "at_ms": int(now_s * 1000)}]


class PunctualScheduler(Scheduler):
    """Sends each entry once in each of its periods, as it begins: those are numbered, and no number may be left out.

    Celery's own goes by the machine's clock: set back, it waits until the time is reached again. It counts a period
    from the last time on, which is always a little late; and it wakes 10 ms before that, and then asks without a pause
    whether something is due by now, which burns a fiftieth of a processor. This one keeps no file: numbers come from
    the time. ``alive``: the file that shows that it runs, touched at each look.
    """

    alive: Path | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        self._sent: dict[str, int] = {}  # by entry, the period for which it was last sent
        self._served: dict[str, tuple[float, bool]] = {}  # by queue, until when that is believed, and whether
        super().__init__(*args, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due. Returns the seconds until something will be."""
        for entry in self.schedule.values():
            self._send_once(entry)
        self._show_life()
        now_s = clock.seconds()
        ends = [period_s - now_s % period_s for period_s in map(_period_s, self.schedule.values())]
        return float(min([self.max_interval, *ends]))

    def _show_life(self) -> None:
        """Touch the file, if it can be: the world goes on without it, and who looks at it says what is the matter."""
        if self.alive is not None:
            try:
                self.alive.parent.mkdir(parents=True, exist_ok=True)
                self.alive.touch()
            except OSError as fault:
                unshown.warning("beat goes on, but can't show it: %s", fault)

    def _send_once(self, entry: Any) -> None:
        period = int(clock.seconds() // _period_s(entry))
        if self._sent.setdefault(entry.name, period) != period:  # the period it is started in has begun already
            self._sent[entry.name] = period
            if self._is_served(self.app.conf.task_routes[entry.task]["queue"]):
                self.apply_entry(entry)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send what is due. Where that can't be the next one is tried, also where the broker refuses beat's password.

        Celery ends where it is refused its first connection, and writes a traceback for each tick later.
        """
        try:
            self.apply_async(entry, producer=producer or self.producer, advance=False)
        except Exception as fault:
            unsent.warning("%s is not sent: %s", entry.name, fault)

    def _is_served(self, queue: str) -> bool:
        """Whether anybody takes from a queue, as of late: nobody needs ticks that nobody takes."""
        now_s = time.monotonic()
        until_s, served = self._served.get(queue, (0.0, True))
        if now_s >= until_s:
            served = self._consumers(queue) != 0
            self._served[queue] = now_s + (WAITS_S if served else LOOKS_S), served
        return served

    def _consumers(self, queue: str) -> int | None:
        """Count a queue's consumers, ``None`` where the broker does not say."""
        try:
            with self.connection.channel() as channel:
                return int(channel.queue_declare(queue, passive=True).consumer_count)
        except (OSError, *self.connection.connection_errors, *self.connection.channel_errors):
            return None


def _period_s(entry: Any) -> float:
    period: schedule = entry.schedule
    return float(period.seconds)
