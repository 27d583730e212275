from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say
from gateway.ingress.in_flight import UNDER_WAY_MAX, Flight, Flights


def flight(task: str) -> Flight:
    return Flight(task, [Envelope(id=task, event=Say(text="x"), at_ms=0)], 0.0, 0)


def test_a_batch_is_known_until_it_is_done_or_refused():
    flights = Flights()
    flights.add(flight("t1"))
    assert [each.task for each in flights] == ["t1"]
    assert flights.remove("t1") == flight("t1")
    assert flights.remove("t1") is None
    assert not len(flights)


def test_with_the_broker_all_are_forgotten():
    flights = Flights()
    flights.add(flight("t1"))
    flights.clear()
    assert list(flights) == []


def test_there_is_a_bound_and_the_oldest_gives_way():
    flights = Flights()
    for n in range(UNDER_WAY_MAX + 1):
        flights.add(flight(f"t{n}"))
    assert len(flights) == UNDER_WAY_MAX
    assert next(iter(flights)).task == "t1"
