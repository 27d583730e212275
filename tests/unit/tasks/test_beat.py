from random import Random

import pytest
from amqp.exceptions import AccessRefused
from celery.beat import ScheduleEntry
from celery.schedules import schedule

from gameserver.declare import catalogue
from gameserver.messages.envelope import read_batch
from tasks import app
from tasks import beat as tasks_beat

PERIODS_S = {spec.name: spec.every_s for spec in catalogue.periodic()}
TASKS = {"tick": "world.tick", "sweep": "sessions.sweep"}
WORLD_S = {name: PERIODS_S[name] for name in ("tick", "sweep")}


@pytest.mark.parametrize("event", PERIODS_S)
def test_a_pulse_is_a_batch_that_a_task_can_read(event):
    (envelope,) = read_batch(tasks_beat.pulse(event, 1.0))
    assert envelope.event.spec.name == event
    assert envelope.id == f"{event}:{envelope.event.n}"


def test_beat_sends_what_modules_declare_with_a_period_and_nothing_else():
    declared = {spec.task: spec.every_s for spec in catalogue.specs() if spec.every_s}
    assert {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()} == declared
    assert declared | {"world.tick": 0.5, "sessions.sweep": 1.0} == declared
    for name, entry in app.conf.beat_schedule.items():
        (envelope,) = read_batch(entry["args"][0]())
        assert (envelope.event.spec.name, envelope.event.spec.task) == (name, entry["task"])


def test_two_beats_at_the_same_time_send_the_same_tick(monkeypatch):
    times = Times(monkeypatch)
    first = tasks_beat.pulse("tick", PERIODS_S["tick"])
    times.pass_s(0.3)
    assert [e["id"] for e in tasks_beat.pulse("tick", PERIODS_S["tick"])] == [e["id"] for e in first]


def test_numbers_rise_by_one_each_period(monkeypatch):
    times = Times(monkeypatch)
    numbers = []
    for _ in range(5):
        numbers.append(tasks_beat.pulse("tick", PERIODS_S["tick"])[0]["event"]["n"])
        times.pass_s(PERIODS_S["tick"])
    assert numbers == list(range(numbers[0], numbers[0] + 5))


class Times:
    """A machine's two clocks, and beat's, made of these."""

    def __init__(self, monkeypatch):
        self.steady_s, self.wall_s = 77.0, 1_000.1
        monkeypatch.setattr(tasks_beat, "clock", tasks_beat.BeatClock(lambda: self.steady_s, lambda: self.wall_s))

    def pass_s(self, seconds):
        self.steady_s += seconds
        self.wall_s += seconds


class Beat(tasks_beat.PunctualScheduler):
    """A scheduler of ticks and sweeps, on clocks that stand still unless one waits or publishes.

    ``sent``: by entry, the number of each and the steady time at which it was sent.
    """

    producer = None

    def __init__(self, monkeypatch, publishing_s=0.0):
        self.times = Times(monkeypatch)
        self.publishing_s = publishing_s
        self.sent = {name: [] for name in WORLD_S}
        self.consumers = 1
        super().__init__(app, schedule={name: self._entry(name) for name in self.sent}, lazy=True, max_interval=1.0)

    def _entry(self, name):
        return ScheduleEntry(name=name, task=TASKS[name], schedule=schedule(PERIODS_S[name], app=app), app=app)

    def apply_entry(self, entry, producer=None):
        number = tasks_beat.pulse(entry.name, PERIODS_S[entry.name])[0]["event"]["n"]
        self.sent[entry.name].append((number, self.times.steady_s))
        self.times.pass_s(self.publishing_s)

    def _consumers(self, queue):
        assert queue in ("world", "sessions")
        return self.consumers

    def run(self, seconds, late_s=1e-4):
        """Who sleeps wakes up a little late."""
        until_s = self.times.steady_s + seconds
        while self.times.steady_s < until_s:
            self.times.pass_s(self.tick() + late_s)

    def numbers(self, name):
        return [number for number, _ in self.sent[name]]


def test_beat_sleeps_until_something_is_due_and_sends_it_then(monkeypatch):
    """Celery's own scheduler is back 10 ms too early, and then asks again without a pause."""
    beat = Beat(monkeypatch)
    turns = []
    monkeypatch.setattr(Beat, "tick", lambda self: turns.append(1) or tasks_beat.PunctualScheduler.tick(self))
    beat.run(30)
    assert len(turns) < 30 / PERIODS_S["tick"] * 1.5
    for name, period_s in WORLD_S.items():
        assert len(beat.sent[name]) >= 30 / period_s - 1
        assert all((sent_s - 77.0 + 1_000.1) % period_s < 0.001 for _, sent_s in beat.sent[name]), name


@pytest.mark.parametrize("name", ["tick", "sweep"])
@pytest.mark.parametrize("late_s", [1e-4, 0.05, 0.2])
@pytest.mark.parametrize("publishing_s", [0.0, 0.03, 0.1])
def test_no_number_is_left_out_as_long_as_publishing_and_waking_up_fit_into_a_period(
    monkeypatch, name, late_s, publishing_s
):
    """Celery's own schedule counts a period from the last time on, and so falls behind."""
    beat = Beat(monkeypatch, publishing_s=publishing_s)
    beat.run(500, late_s)
    found = beat.numbers(name)
    assert len(found) > 400
    assert found == list(range(found[0], found[0] + len(found)))


def test_a_beat_that_was_away_sends_one_tick_and_not_all_that_it_missed(monkeypatch):
    beat = Beat(monkeypatch)
    beat.run(20)
    before = len(beat.sent["tick"])
    beat.times.pass_s(60 + Random(1).random())
    first = int(tasks_beat.clock.seconds() / PERIODS_S["tick"])
    beat.run(4)
    found = beat.numbers("tick")[before:]
    assert found == list(range(first, first + len(found)))
    assert len(found) > 5


@pytest.mark.parametrize("set_s", [-600, -40, -0.6, 0.6, 40, 600])
def test_a_clock_that_is_set_stops_nothing_and_hurries_nothing(monkeypatch, set_s):
    """Celery's own goes by the machine's clock: set back, it sends nothing until the time is reached again."""
    beat = Beat(monkeypatch)
    beat.run(20)
    before = {name: len(sent) for name, sent in beat.sent.items()}
    beat.times.wall_s += set_s
    beat.run(20)
    for name, period_s in WORLD_S.items():
        assert abs(len(beat.sent[name]) - before[name] - 20 / period_s) <= 2, name
        follows = beat.numbers(name)[before[name] + 1 :]
        assert follows == list(range(follows[0], follows[0] + len(follows))), name


@pytest.mark.parametrize("set_s", [-600, 40])
def test_the_time_that_beat_says_follows_a_clock_that_is_set(monkeypatch, set_s):
    times = Times(monkeypatch)
    times.wall_s += set_s
    assert tasks_beat.pulse("tick", PERIODS_S["tick"])[0]["at_ms"] == int(times.wall_s * 1000)


def test_no_tick_is_sent_that_nobody_would_take(monkeypatch):
    monkeypatch.setattr(tasks_beat.time, "monotonic", lambda: beat.times.steady_s)
    beat = Beat(monkeypatch)
    beat.run(2)
    beat.consumers = 0
    beat.run(tasks_beat.WAITS_S)  # it looks every so often
    before = len(beat.numbers("tick"))
    beat.run(20)
    assert len(beat.numbers("tick")) == before
    beat.consumers = 1
    beat.run(2)
    assert len(beat.numbers("tick")) > before


def test_where_the_broker_does_not_say_who_takes_ticks_they_are_sent(monkeypatch):
    beat = Beat(monkeypatch)
    beat.consumers = None
    beat.run(3)
    assert len(beat.numbers("tick")) >= 5


def test_a_beat_that_can_not_show_its_life_beats_on(monkeypatch, tmp_path):
    """On a full disk, or a read-only one, the world must not stand still for a file that only shows that it goes on."""
    beat = Beat(monkeypatch)
    monkeypatch.setattr(Beat, "alive", tmp_path / "var" / "beat.alive")
    beat.run(2)
    assert (tmp_path / "var" / "beat.alive").is_file()
    (tmp_path / "in the way").write_text("")
    monkeypatch.setattr(Beat, "alive", tmp_path / "in the way" / "beat.alive")
    before = len(beat.sent["tick"])
    beat.run(2)
    assert len(beat.sent["tick"]) > before


def test_a_beat_that_the_broker_refuses_goes_on_and_says_so(monkeypatch, caplog):
    """Celery's own ends where it is refused its first connection: somebody may change a password while it runs."""
    left = [AccessRefused("Login was refused"), "connected"]

    def connected(self):
        if isinstance(left[0], Exception):
            raise left.pop(0)
        return left[0]

    sent = []
    beat = Beat(monkeypatch)
    monkeypatch.setattr(Beat, "producer", property(connected))
    monkeypatch.setattr(Beat, "apply_entry", tasks_beat.PunctualScheduler.apply_entry)
    monkeypatch.setattr(Beat, "apply_async", lambda self, entry, **more: sent.append((entry.name, more["producer"])))
    beat.run(3 * PERIODS_S["tick"])
    assert "is not sent: " in caplog.text
    assert ("tick", "connected") in sent
