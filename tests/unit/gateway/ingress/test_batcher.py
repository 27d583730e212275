from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gameserver.messages.envelope import Envelope
from gameserver.modules.movement.events import Move
from gateway.ingress.batcher import LINGER_S_PER_EVENT, LONG_LINGER_PER_WORK, LONG_LINGER_S, Batcher
from gateway.ingress.in_flight import Batch, InFlightRegistry

FLIGHT_S = 0.1
STREAM = "movement", Move.spec.name


class Recorder:
    """A batcher, its clock, and what it published."""

    def __init__(self, most: int = 4, flight_max: int = 2, linger_s_max: float = 0.0) -> None:
        self.clock = Clock()
        self.batches: list[list[str]] = []
        self.in_flight = InFlightRegistry()
        self.batcher = Batcher(
            self.clock,
            self._publish,
            partial(self.in_flight.opens_s, STREAM, flight_max),
            most=most,
            linger_s_max=linger_s_max,
        )

    def _publish(self, envelopes) -> None:
        self.batches.append([envelope.id for envelope in envelopes])
        now_s = self.clock.seconds()
        task_id = f"task{len(self.batches)}"
        self.in_flight.add(Batch(task_id, STREAM[0], envelopes, now_s, 0, now_s + FLIGHT_S))

    def done(self, task_id: str, worked_s: float = 0.0) -> None:
        """A process is done with a batch."""
        batch = self.in_flight.remove(task_id)
        if batch is not None:
            self.batcher.finished(len(batch.envelopes), worked_s)

    def add(self, *ids: str) -> None:
        self.batcher.add([Envelope(id=id_, event=Move(dir="n"), at_ms=0) for id_ in ids])

    def turn(self) -> None:
        self.clock.advance(0)

    def flush(self) -> list[list[str]]:
        """The batches that were published in this turn."""
        before = len(self.batches)
        self.turn()
        return self.batches[before:]


def test_in_a_quiet_deployment_an_event_goes_in_the_same_turn():
    quiet = Recorder()
    quiet.add("a")
    assert quiet.batcher.pending == 1
    assert quiet.flush() == [["a"]]
    assert quiet.batcher.pending == 0


def test_what_comes_in_one_turn_goes_together():
    quiet = Recorder()
    quiet.add("a")
    quiet.add("b", "c")
    assert quiet.flush() == [["a", "b", "c"]]


def test_under_load_events_gather_until_a_process_is_done():
    busy = Recorder(flight_max=2)
    for id_ in "ab":
        busy.add(id_)
        busy.turn()
    for id_ in "cde":
        busy.add(id_)
        assert busy.flush() == []
    assert busy.batcher.pending == 3
    busy.done("task1")
    assert busy.flush() == [["c", "d", "e"]]


def test_only_so_many_batches_are_under_way():
    busy = Recorder(most=2, flight_max=2)
    for id_ in "abcdefg":
        busy.add(id_)
    assert busy.flush() == [["a", "b"], ["c", "d"]]
    busy.done("task2")
    assert busy.flush() == [["e", "f"]]


def test_a_batch_that_is_not_heard_of_stops_counting_after_a_while():
    stuck = Recorder(flight_max=1)
    stuck.add("a")
    stuck.turn()
    stuck.add("b")
    stuck.clock.advance(FLIGHT_S * 0.9)
    assert stuck.batches == [["a"]]
    stuck.clock.advance(FLIGHT_S * 0.2)
    assert stuck.batches == [["a"], ["b"]]


def test_a_batch_is_bounded_and_a_group_is_never_split():
    recorder = Recorder(most=4, flight_max=9)
    recorder.add("a", "b")
    recorder.add("c", "d", "e")
    recorder.add("f")
    assert recorder.flush() == [["a", "b"], ["c", "d", "e", "f"]]


def test_a_group_larger_than_a_batch_goes_alone():
    recorder = Recorder(most=2, flight_max=9)
    recorder.add("a", "b", "c")
    recorder.add("d")
    assert recorder.flush() == [["a", "b", "c"], ["d"]]


def test_a_batch_makes_its_followers_wait_for_company_a_little_for_each_event_it_carried():
    busy = Recorder(most=100, flight_max=9, linger_s_max=1.0)
    busy.add(*"ab")
    assert len(busy.flush()) == 1
    busy.add("k")
    busy.clock.advance(1 * LINGER_S_PER_EVENT)
    assert len(busy.batches) == 1
    busy.add("l")
    busy.clock.advance(1.1 * LINGER_S_PER_EVENT)
    assert busy.batches[1:] == [["k", "l"]]


def linger_s(busy: Recorder, size: int) -> float:
    """How long what comes after a batch of this size waits for company."""
    busy.clock.advance(10)
    busy.add(*(f"e{n}" for n in range(size)))
    busy.turn()
    busy.add("k")
    began_s, before = busy.clock.seconds(), len(busy.batches)
    while len(busy.batches) == before:
        busy.clock.advance(0.0005)
    return busy.clock.seconds() - began_s


@pytest.mark.parametrize("size", [50, 100])
def test_where_batches_are_large_the_wait_grows_with_the_work_that_they_are(size: int):
    busy = Recorder(most=200, flight_max=9, linger_s_max=1.0)
    assert linger_s(busy, size) == pytest.approx(LONG_LINGER_S, abs=0.001)  # nobody knows yet
    busy.done("task1", size * 0.0002)
    assert linger_s(busy, size) == pytest.approx(LONG_LINGER_S + size * 0.0002 * LONG_LINGER_PER_WORK, abs=0.001)


def test_one_batch_on_which_a_process_stumbled_does_not_say_what_the_next_will_cost():
    busy = Recorder(most=200, flight_max=9, linger_s_max=1.0)
    usual_s = []
    for task, worked_s in (("task1", 0.01), ("task3", 0.1), ("task5", 0.0)):
        usual_s.append(linger_s(busy, 50))
        busy.done(task, worked_s)
    usual_s.append(linger_s(busy, 50))
    assert usual_s[1] < usual_s[2] < 2 * usual_s[1]
    assert usual_s[3] == pytest.approx(usual_s[2], abs=0.001)


def test_what_a_process_works_on_for_long_makes_the_wait_longer_in_the_end():
    busy = Recorder(most=200, flight_max=9, linger_s_max=1.0)
    for n in range(60):
        busy.clock.advance(10)
        busy.add(*(f"e{n}" for n in range(50)))
        busy.turn()
        busy.done(f"task{n + 1}", 0.01 if n < 10 else 0.02)
    assert linger_s(busy, 50) == pytest.approx(LONG_LINGER_S + 0.02 * LONG_LINGER_PER_WORK, abs=0.001)


def test_a_wait_for_company_is_bounded():
    busy = Recorder(most=100, flight_max=9, linger_s_max=0.005)
    busy.add(*"abcdefghij")
    busy.turn()
    busy.add("k")
    busy.clock.advance(0.005)
    assert busy.batches[1:] == [["k"]]


def test_a_full_batch_waits_for_nobody():
    busy = Recorder(most=3, flight_max=9, linger_s_max=1.0)
    busy.add(*"abc")
    busy.turn()
    busy.add("d")
    assert busy.flush() == []
    busy.add("e")
    busy.add("f")
    assert busy.flush() == [["d", "e", "f"]]


def test_being_done_with_something_unknown_means_nothing():
    busy = Recorder(flight_max=1)
    busy.add("a")
    busy.turn()
    busy.add("b")
    busy.done("somebody else's task")
    busy.done("")
    assert busy.flush() == []


def test_dropping_forgets_what_waits_and_what_is_under_way():
    busy = Recorder(flight_max=1)
    busy.add("a")
    busy.turn()
    busy.add("b")
    busy.in_flight.clear()
    assert [e.id for e in busy.batcher.drop()] == ["b"]
    assert busy.batcher.pending == 0
    busy.clock.advance(10 * FLIGHT_S)
    assert busy.batches == [["a"]]
    busy.add("c")
    assert busy.flush() == [["c"]]


def test_an_answer_that_opens_the_way_is_not_held_back_by_the_timer_of_the_bound():
    busy = Recorder(flight_max=1)
    busy.add("a")
    busy.turn()
    busy.add("b")
    busy.clock.advance(FLIGHT_S / 2)
    busy.done("task1")
    assert busy.flush() == [["b"]]
    assert busy.clock.getDelayedCalls() == []


@pytest.mark.parametrize("linger_s_max", [0.0, 0.04])
@pytest.mark.parametrize("flight_max", [1, 2, 5])
@given(
    st.lists(st.one_of(st.integers(1, 6), st.sampled_from(["done", "turn", "wait"])), max_size=60),
    st.integers(1, 5),
)
def test_everything_goes_once_in_order_groups_stay_whole_and_bounds_hold(flight_max, linger_s_max, steps, most):
    recorder = Recorder(most=most, flight_max=flight_max, linger_s_max=linger_s_max)
    groups: list[list[str]] = []
    done = 0
    n = 0
    for step in steps:
        if isinstance(step, int):
            groups.append([str(n + i) for i in range(step)])
            n += step
            recorder.add(*groups[-1])
        elif step == "done":
            done += 1
            recorder.done(f"task{done}")
        else:
            recorder.clock.advance(0 if step == "turn" else FLIGHT_S * 1.1)
    while recorder.batcher.pending:
        recorder.clock.advance(FLIGHT_S * 1.1)
    assert [id_ for batch in recorder.batches for id_ in batch] == [str(i) for i in range(n)]
    for batch in recorder.batches:
        inside = [group for group in groups if set(group) <= set(batch)]
        assert sorted(id_ for group in inside for id_ in group) == sorted(batch), "a group was split"
        assert len(batch) <= most or len(inside) == 1
