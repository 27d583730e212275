"""Celery beat, of which there may be none or two, each with a clock of its own."""

from typing import Any

from gameserver.declare import catalogue
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from tasks.beat import WAITS_S, BeatClock

PERIODS_S = {catalogue.events()[spec.name]: spec.every_s for spec in catalogue.periodic()}


class Beat:
    """One beat. ``skew_ms``: how far its clock is off."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.skew_ms = 0
        self._clock = BeatClock(cluster.now_s, lambda: (cluster.now_ms() + self.skew_ms) / 1000)
        # Where nobody trades there is nothing that lapses: those stories are the same, whatever modules there are.
        sends = [event for event in PERIODS_S if self._is_needed(event.spec.family)]
        self._sent = {event: self._period(event) for event in sends}

    def _is_needed(self, family: str) -> bool:
        story = self._cluster.story
        wanted = {"world": True, "sessions": True, "instances": story.travels, "building": story.builds}
        return bool(wanted.get(family, story.economy))

    def _period(self, event: Any) -> int:
        return int(self._clock.seconds() // PERIODS_S[event])

    def go(self) -> None:
        """Send what is due."""
        for event, sent in self._sent.items():
            period = self._period(event)
            if period != sent:
                self._sent[event] = period
                self._send(event, period)

    def _send(self, event: Any, n: int) -> None:
        at_ms = int(self._clock.seconds() * 1000)
        name = event.spec.name
        message = task_message([Envelope(id=f"{name}:{n}", event=event(n=n), at_ms=at_ms)], "beat")
        now_s = self._cluster.now_s()
        if self._cluster.parcels.away_until_s <= now_s:
            self._cluster.parcels.put(message, now_s, now_s + WAITS_S)
