from gameserver.declare.base import Event
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say, Whisper
from gateway.ingress.in_flight import IN_FLIGHT_MAX, Batch, InFlightRegistry


def batch(task: str, event: Event = Say(text="x"), deadline_s: float = 0.0) -> Batch:  # noqa: B008
    return Batch(task, event.spec.family, [Envelope(id=task, event=event, at_ms=0)], 0.0, 0, deadline_s)


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
    for n in range(IN_FLIGHT_MAX + 1):
        in_flight.add(batch(f"t{n}"))
    assert len(in_flight) == IN_FLIGHT_MAX
    assert next(iter(in_flight)).task_id == "t1"


def test_a_batch_is_confirmed_by_the_broker_or_by_the_process_that_is_done_with_it():
    in_flight = InFlightRegistry()
    for task in ("t1", "t2"):
        in_flight.add(batch(task))
    in_flight.confirm("t1")
    assert not in_flight.all_confirmed
    in_flight.remove("t2")
    assert in_flight.all_confirmed
    in_flight.confirm("t2")  # the process was quicker
    assert [each.task_id for each in in_flight] == ["t1"]


def test_a_stream_takes_the_next_batch_when_the_oldest_of_those_that_hold_it_back_is_done_or_overdue():
    in_flight = InFlightRegistry()
    stream = batch("").stream
    assert in_flight.opens_s(stream, 2) == 0.0
    for n in (1, 2, 3):
        in_flight.add(batch(f"t{n}", deadline_s=n))
        in_flight.add(batch(f"other{n}", Whisper(to="eve", text="x"), deadline_s=9.0 + n))
    assert in_flight.opens_s(stream, 2) == 2.0  # t1 is one too many: it holds nothing back any more
    in_flight.remove("t3")
    assert in_flight.opens_s(stream, 2) == 1.0
    in_flight.remove("t1")
    assert in_flight.opens_s(stream, 2) == 0.0


def test_of_what_is_forgotten_nothing_stays():
    in_flight = InFlightRegistry()
    for n in range(IN_FLIGHT_MAX + 5):
        in_flight.add(batch(f"t{n}", (Say(text="x"), Whisper(to="eve", text="x"))[n % 2]))
    assert sum(len(stream) for stream in in_flight._streams.values()) == IN_FLIGHT_MAX
    for each in list(in_flight):
        in_flight.remove(each.task_id)
    assert in_flight._streams == {}
