from datetime import UTC, datetime
from itertools import pairwise

import pytest
from celery.beat import ScheduleEntry
from celery.schedules import schedule

from gameserver.events.envelope import read_batch
from tasks import app, ticks


@pytest.mark.parametrize("event", ["tick", "sweep"])
def test_a_pulse_is_a_batch_that_a_task_can_read(event):
    (envelope,) = read_batch(ticks.pulse(event))
    assert envelope.event.spec.name == event
    assert envelope.id == f"{event}:{envelope.event.n}"


def test_two_beats_at_the_same_time_send_the_same_tick(monkeypatch):
    monkeypatch.setattr(ticks.time, "time", lambda: 1000.1)
    first = ticks.pulse("tick")
    monkeypatch.setattr(ticks.time, "time", lambda: 1000.4)
    assert [e["id"] for e in ticks.pulse("tick")] == [e["id"] for e in first]


def test_numbers_rise_by_one_each_period(monkeypatch):
    numbers = []
    for n in range(5):
        monkeypatch.setattr(ticks.time, "time", lambda n=n: 1000.01 + n * ticks.TICK_S)
        numbers.append(ticks.pulse("tick")[0]["event"]["n"])
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_only_what_beats_can_pulse():
    with pytest.raises(KeyError):
        ticks.pulse("move")


class Beat(ticks.PunctualScheduler):
    """A scheduler of one tick, on a clock that stands still unless one waits."""

    producer = None

    def __init__(self):
        self.now_s = 1_000.0
        self.sent = []
        tick = schedule(ticks.TICK_S, nowfun=lambda: datetime.fromtimestamp(self.now_s, UTC), app=app)
        self._entries = {"tick": ScheduleEntry(name="tick", task="world.tick", schedule=tick, app=app)}
        super().__init__(app, lazy=True, max_interval=1.0)

    @property
    def schedule(self):
        return self._entries

    def apply_entry(self, entry, producer=None):
        self.sent.append(self.now_s)


def test_beat_sleeps_until_a_tick_is_due_and_sends_it_then():
    """Celery's own scheduler is back 10 ms too early, and then asks again without a pause."""
    beat = Beat()
    for _ in range(40):
        beat.now_s += beat.tick() + 1e-4  # who sleeps wakes up a little late
    assert len(beat.sent) > 40 / 4
    gaps = [later - before for before, later in pairwise(beat.sent)]
    assert all(ticks.TICK_S <= gap < ticks.TICK_S + 0.001 for gap in gaps), gaps
