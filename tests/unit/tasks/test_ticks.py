import pytest

from gameserver.events.envelope import read_batch
from tasks import ticks


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
