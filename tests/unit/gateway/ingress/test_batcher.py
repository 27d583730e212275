from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gameserver.messages.envelope import Envelope
from gameserver.modules.movement.events import Move
from gateway import latency_budget
from gateway.ingress.batcher import Batcher
from gateway.ingress.in_flight import Batch, InFlightRegistry
from gateway.pace import Pace

FLIGHT_S = 0.1
BUDGET_S = 0.1
GATHER_S = latency_budget.GATHER_SHARE * BUDGET_S
STREAM = "movement", Move.spec.name


class Recorder:
    """A batcher, its clock, and what it published."""

    def __init__(self, most: int = 4, flight_max: int = 2, budget_s: float = BUDGET_S) -> None:
        self.clock = Clock()
        self.pace = Pace(budget_s)
        self.batches: list[list[str]] = []
        self.in_flight = InFlightRegistry()
        self.batcher = Batcher(
            self.clock,
            self._publish,
            partial(self.in_flight.opens_s, STREAM, flight_max),
            most=most,
            pace=self.pace,
        )

    def _publish(self, envelopes) -> None:
        self.batches.append([envelope.id for envelope in envelopes])
        now_s = self.clock.seconds()
        task_id = f"task{len(self.batches)}"
        self.in_flight.add(Batch(task_id, STREAM[0], envelopes, now_s, 0, now_s + FLIGHT_S))

    def done(self, task_id: str) -> None:
        """A process is done with a batch."""
        batch = self.in_flight.remove(task_id)
        if batch is not None:
            self.batcher.finished()

    def add(self, *ids: str, waited_s: float = 0.0) -> None:
        self.batcher.add([Envelope(id=id_, event=Move(dir="n"), at_ms=0) for id_ in ids], waited_s)

    def used_to(self, per_s: float) -> "Recorder":
        """So many events come in a second by now; all are done with."""
        self.clock.advance(10)
        for n in range(100):
            self.batcher._rate.count(round(per_s / 10), self.clock.seconds() - 10 + 0.1 * n)
        self.batcher._expect(0, self.clock.seconds())
        return self

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


def wait_s(recorder: Recorder) -> float:
    """How long an event waits that comes now."""
    before, began_s = len(recorder.batches), recorder.clock.seconds()
    recorder.add("waits")
    recorder.turn()
    while len(recorder.batches) == before:
        recorder.clock.advance(0.0005)
    return recorder.clock.seconds() - began_s


@pytest.mark.parametrize("per_s", [1, 40, 100])
def test_on_a_quiet_server_nobody_lingers(per_s: int):
    assert wait_s(Recorder().used_to(per_s)) == 0


def test_where_company_is_expected_an_event_waits_for_it_as_long_as_the_budget_allows():
    assert wait_s(Recorder(most=100).used_to(800)) == pytest.approx(GATHER_S, abs=0.001)


@pytest.mark.parametrize("per_s", [1_000, 10_000, 100_000])
def test_however_many_come_nobody_waits_longer(per_s: int):
    assert wait_s(Recorder(most=100).used_to(per_s)) <= GATHER_S + 0.001


def test_where_the_gateway_is_saturated_all_wait_longer_to_a_bound():
    busy = Recorder(most=100).used_to(300)
    for n in range(100):
        busy.pace.look(1 + n, 0.0)
    busy.used_to(300)
    assert wait_s(busy) == pytest.approx(latency_budget.STRETCH_MAX * GATHER_S, abs=0.001)


def test_where_many_come_they_wait_for_a_part_of_that_and_all_of_them_go_together():
    busy = Recorder(most=800, flight_max=9).used_to(10_000)
    ids = [str(n) for n in range(2 * latency_budget.BATCH_EVENTS)]
    busy.add(*ids[:100])
    busy.clock.advance(latency_budget.GATHER_SHARE_MIN * BUDGET_S - 0.001)
    busy.add(*ids[100:])
    assert busy.flush() == []
    busy.clock.advance(0.0015)
    assert busy.batches == [ids]


def test_what_comes_more_often_is_learned_from_what_leaves():
    recorder = Recorder(most=800, flight_max=9)
    for _ in range(200):
        recorder.add("a")
        recorder.clock.advance(0.001)
    assert len(recorder.batches[-1]) > latency_budget.COMPANY_MIN


def test_a_full_batch_waits_for_nobody():
    busy = Recorder(most=3, flight_max=9).used_to(800)
    busy.add("d")
    assert busy.flush() == []
    busy.add("e")
    busy.add("f")
    assert busy.flush() == [["d", "e", "f"]]


def test_what_has_waited_in_its_lane_gathers_no_longer():
    busy = Recorder(most=100).used_to(800)
    busy.add("a", waited_s=GATHER_S / 4)
    busy.clock.advance(GATHER_S / 2 - 0.001)
    assert busy.flush() == []
    busy.clock.advance(0.0015)
    assert busy.batches == [["a"]]


def test_a_few_who_have_waited_in_their_lanes_hardly_hurry_all_others():
    busy = Recorder(most=100).used_to(800)
    for n in range(49):
        busy.add(str(n))
    busy.add("waited", waited_s=GATHER_S)
    busy.clock.advance(0.9 * GATHER_S)
    assert busy.flush() == []
    busy.clock.advance(0.1 * GATHER_S)
    assert len(busy.batches) == 1


def test_what_a_batch_left_behind_gathers_as_if_nobody_had_waited_who_is_gone():
    busy = Recorder(most=3, flight_max=9).used_to(800)
    busy.add("a", "b", waited_s=GATHER_S)
    busy.add("c", "d")
    assert busy.flush() == [["a", "b"]]
    busy.clock.advance(GATHER_S - 0.001)
    assert busy.flush() == []
    busy.clock.advance(0.0015)
    assert busy.batches == [["a", "b"], ["c", "d"]]


def test_what_a_full_batch_leaves_behind_waits_for_company_of_its_own():
    busy = Recorder(most=3, flight_max=9).used_to(800)
    busy.add("a")
    busy.clock.advance(GATHER_S / 2)
    busy.add("b")
    busy.add("c", "d")
    assert busy.flush() == [["a", "b"]]
    busy.clock.advance(GATHER_S - 0.001)
    assert busy.batches[1:] == []
    busy.clock.advance(0.002)
    assert busy.batches[1:] == [["c", "d"]]


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


@pytest.mark.parametrize("per_s", [0, 300, 10_000])
@pytest.mark.parametrize("flight_max", [1, 2, 5])
@given(
    st.lists(st.one_of(st.integers(1, 6), st.sampled_from(["done", "turn", "wait"])), max_size=60),
    st.integers(1, 5),
)
def test_everything_goes_once_in_its_order_groups_stay_whole_and_bounds_hold(flight_max, per_s, steps, most):
    recorder = Recorder(most=most, flight_max=flight_max).used_to(per_s)
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
    sent = [id_ for batch in recorder.batches for id_ in batch]
    given_ = [id_ for group in groups for id_ in group]
    assert sent == given_
    for batch in recorder.batches:
        inside = [group for group in groups if set(group) <= set(batch)]
        assert sorted(id_ for group in inside for id_ in group) == sorted(batch), "a group was split"
        assert len(batch) <= most or len(inside) == 1
