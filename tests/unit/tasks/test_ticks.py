from datetime import UTC, datetime
from random import Random

import pytest
from celery.beat import ScheduleEntry

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
    """A scheduler of ticks and sweeps, on a clock that stands still unless one waits or publishes."""

    producer = None

    def __init__(self, publishing_s=0.0):
        self.now_s = 1_000.2
        self.publishing_s = publishing_s
        self.sent = {"tick": [], "sweep": []}
        super().__init__(app, schedule={name: self._entry(name) for name in self.sent}, lazy=True, max_interval=1.0)

    def _entry(self, name):
        period = ticks.EachPeriod(PERIODS_S[name], nowfun=lambda: datetime.fromtimestamp(self.now_s, UTC), app=app)
        return ScheduleEntry(name=name, task=f"world.{name}", schedule=period, app=app)

    def apply_entry(self, entry, producer=None):
        self.sent[entry.name].append(self.now_s)
        self.now_s += self.publishing_s

    def run(self, steps, late_s=1e-4):
        """Who sleeps wakes up a little late."""
        for _ in range(steps):
            sleeps_s = self.tick()
            self.now_s += sleeps_s + late_s if sleeps_s else 0.0


PERIODS_S = {"tick": ticks.TICK_S, "sweep": ticks.SWEEP_S}


def numbers(beat, name):
    return [int(sent_s / PERIODS_S[name]) for sent_s in beat.sent[name]]


def test_beat_sleeps_until_something_is_due_and_sends_it_then():
    """Celery's own scheduler is back 10 ms too early, and then asks again without a pause."""
    beat = Beat()
    beat.run(60)
    assert len(beat.sent["tick"]) > 60 / 5
    for name, period_s in PERIODS_S.items():
        assert all(sent_s % period_s < 0.001 for sent_s in beat.sent[name]), name


@pytest.mark.parametrize("name", ["tick", "sweep"])
@pytest.mark.parametrize("late_s", [1e-4, 0.05, 0.2])
@pytest.mark.parametrize("publishing_s", [0.0, 0.03, 0.1])
def test_no_number_is_left_out_as_long_as_publishing_and_waking_up_fit_into_a_period(name, late_s, publishing_s):
    """Celery's own schedule counts a period from the last time on, and so falls behind."""
    beat = Beat(publishing_s=publishing_s)
    beat.run(4_000, late_s)
    found = numbers(beat, name)
    assert len(found) > 400
    assert found == list(range(found[0], found[0] + len(found)))


def test_a_beat_that_was_away_sends_one_tick_and_not_all_that_it_missed():
    beat = Beat()
    beat.run(20)
    before = len(beat.sent["tick"])
    beat.now_s = late_s = beat.now_s + 60 + Random(1).random()
    beat.run(8)
    first = int(late_s / ticks.TICK_S)
    found = numbers(beat, "tick")[before:]
    assert found == list(range(first, first + len(found)))
    assert found
