from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say
from gateway.ingress.in_flight import UNDER_WAY_MAX, Batch, InFlightRegistry


def batch(task: str) -> Batch:
    return Batch(task, [Envelope(id=task, event=Say(text="x"), at_ms=0)], 0.0, 0)


def test_a_batch_is_known_until_it_is_done_or_refused():
    in_flight = InFlightRegistry()
    in_flight.add(batch("t1"))
    assert [each.task_id for each in in_flight] == ["t1"]
    assert in_flight.remove("t1") == batch("t1")
    assert in_flight.remove("t1") is None
    assert not len(in_flight)


def test_with_the_broker_all_are_forgotten():
    in_flight = InFlightRegistry()
    in_flight.add(batch("t1"))
    in_flight.clear()
    assert list(in_flight) == []


def test_there_is_a_bound_and_the_oldest_gives_way():
    in_flight = InFlightRegistry()
    for n in range(UNDER_WAY_MAX + 1):
        in_flight.add(batch(f"t{n}"))
    assert len(in_flight) == UNDER_WAY_MAX
    assert next(iter(in_flight)).task_id == "t1"
