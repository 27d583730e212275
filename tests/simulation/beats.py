"""Celery beat, of which there may be none or two, each with a clock of its own."""

from datetime import UTC, datetime
from typing import Any

from gameserver.events.envelope import Envelope
from gameserver.events.message import task_message
from gameserver.events.world import Sweep, Tick
from tasks.ticks import SWEEP_S, TICK_S, EachPeriod

EXPIRES_S = {Tick: 5.0, Sweep: 10.0}  # as in celeryconfig
PERIODS_S = {Tick: TICK_S, Sweep: SWEEP_S}


class Beat:
    """One beat. ``skew_ms``: how far its clock is off."""

    def __init__(self, house: Any) -> None:
        self._house = house
        self.skew_ms = 0
        self._last = {event: self._now() for event in PERIODS_S}
        self._schedules = {event: EachPeriod(s, nowfun=self._now) for event, s in PERIODS_S.items()}

    def _now_ms(self) -> int:
        return int(self._house.now_ms() + self.skew_ms)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC)

    def go(self) -> None:
        """Send what is due."""
        for event, schedule in self._schedules.items():
            if schedule.is_due(self._last[event]).is_due:
                self._last[event] = self._now()
                self._send(event)

    def _send(self, event: Any) -> None:
        now_ms = self._now_ms()
        n = int(now_ms / 1000 / PERIODS_S[event])
        name = event.spec.name
        message = task_message([Envelope(id=f"{name}:{n}", event=event(n=n), at_ms=now_ms)], "beat")
        now_s = self._house.now_s()
        if self._house.parcels.away_until_s <= now_s:
            self._house.parcels.put(message, now_s, now_s + EXPIRES_S[event])
