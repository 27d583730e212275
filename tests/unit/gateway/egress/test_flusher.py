import pytest
from twisted.internet.task import Clock

from gateway.egress.flusher import AT_ONCE, ONE_GO_MAX, ReplyFlusher, SightFlusher
from gateway.latency_budget import round_s
from gateway.pace import Pace
from tests.unit.gateway.fakes import Mouth

BUDGET_S = 0.1
HOLD_S = 0.04
ROUND_S = round_s(BUDGET_S)


def replies() -> tuple[Clock, ReplyFlusher]:
    clock = Clock()
    clock.advance(1000)
    return clock, ReplyFlusher(clock)


class Sights:
    """A flusher of what can wait, beside one of replies."""

    def __init__(self) -> None:
        self.clock, self.replies = replies()
        self.it = SightFlusher(self.clock, Pace(BUDGET_S), self.replies)

    def see(self, *mouths: Mouth, in_s: float = HOLD_S) -> None:
        """Let them see something that is due in so long."""
        due_s = self.clock.seconds() + in_s
        waiting = [mouth for mouth in mouths if due_s < mouth.due_s]
        for mouth in waiting:
            mouth.due_s = due_s
        self.it.add(waiting, due_s)


# What can't wait.


def test_a_reply_goes_at_the_end_of_the_turn():
    clock, it = replies()
    mouth = Mouth()
    it.soon(mouth)
    it.soon(mouth)
    assert mouth.flushed == 0
    clock.advance(0)
    assert mouth.flushed == 1


def test_replies_go_at_the_end_of_each_turn():
    clock, it = replies()
    mouth = Mouth()
    for n in range(5):
        it.soon(mouth)
        clock.advance(0)
        assert mouth.flushed == n + 1


def test_who_is_gone_is_not_written_to():
    clock, it = replies()
    mouth = Mouth()
    it.soon(mouth)
    mouth.gone = True
    clock.advance(1)
    assert mouth.flushed == 0


def test_nothing_runs_while_nobody_speaks():
    clock, it = replies()
    it.soon(Mouth())
    clock.advance(1)
    assert clock.getDelayedCalls() == []


def test_between_parts_of_a_crowd_others_have_their_turn():
    clock, it = replies()
    mouths = [Mouth() for _ in range(2 * AT_ONCE + 1)]
    late = Mouth()
    turns = []

    def turn() -> None:
        turns.append(sum(mouth.flushed for mouth in mouths))
        it.soon(late)

    for mouth in mouths:
        it.soon(mouth)
    clock.callLater(0, turn)
    clock.advance(0)
    assert turns == [AT_ONCE]
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    assert late.flushed == 1  # after all of them


def test_a_crowd_that_leaves_while_it_is_written_to_leaves_nothing_behind():
    clock, it = replies()
    mouths = [Mouth() for _ in range(AT_ONCE + 5)]
    for mouth in mouths:
        it.soon(mouth)
    clock.callLater(0, lambda: [setattr(mouth, "gone", True) for mouth in mouths])
    clock.advance(0)
    assert clock.getDelayedCalls() == []
    assert sum(mouth.flushed for mouth in mouths) == AT_ONCE


def test_at_once_is_before_the_end_of_the_turn():
    clock, it = replies()
    mouths = [Mouth() for _ in range(3 * AT_ONCE)]
    for mouth in mouths:
        it.soon(mouth)
    it.at_once()
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    assert clock.getDelayedCalls() == []


def test_what_is_too_much_for_one_go_goes_in_parts():
    clock, it = replies()
    mouths = [Mouth() for _ in range(ONE_GO_MAX + 1)]
    for mouth in mouths:
        it.soon(mouth)
    it.at_once()
    assert sum(mouth.flushed for mouth in mouths) == 0
    clock.advance(0)
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)


def test_at_once_with_nothing_to_write_is_nothing():
    clock, it = replies()
    it.at_once()
    assert clock.getDelayedCalls() == []


def test_an_answer_in_the_middle_of_a_round_takes_no_turn_from_those_who_wait_for_theirs():
    clock, it = replies()
    mouths = [Mouth() for _ in range(AT_ONCE + 5)]
    late = Mouth()

    def answer() -> None:
        it.soon(late)
        it.at_once()

    for mouth in mouths:
        it.soon(mouth)
    clock.callLater(0, answer)
    clock.advance(0)
    clock.advance(0)
    assert [mouth.flushed for mouth in [*mouths, late]] == [1] * (AT_ONCE + 6)


# What can.


@pytest.mark.parametrize("crowd", [1, 20, 3_000])
def test_what_can_wait_goes_when_it_is_due_whether_few_are_told_or_many(crowd: int):
    sights = Sights()
    mouths = [Mouth() for _ in range(crowd)]
    sights.see(*mouths)
    sights.clock.advance(HOLD_S - 0.001)
    assert {mouth.flushed for mouth in mouths} == {0}
    sights.clock.advance(0.002)
    assert {mouth.flushed for mouth in mouths} == {1}
    assert sights.clock.getDelayedCalls() == []


def test_it_is_due_when_the_first_of_it_is():
    sights = Sights()
    mouth = Mouth()
    sights.see(mouth)
    sights.clock.advance(HOLD_S / 2)
    sights.see(mouth)
    sights.clock.advance(HOLD_S / 2)
    assert mouth.flushed == 1
    sights.clock.advance(HOLD_S)
    assert mouth.flushed == 1


def test_what_is_due_sooner_than_what_waits_takes_that_along():
    sights = Sights()
    mouth, other = Mouth(), Mouth()
    sights.see(mouth, other)
    sights.see(mouth, in_s=HOLD_S / 4)
    sights.clock.advance(HOLD_S / 4)
    assert (mouth.flushed, other.flushed) == (1, 0)
    sights.clock.advance(HOLD_S)
    assert (mouth.flushed, other.flushed) == (1, 1)


def test_what_a_reply_took_along_is_not_due_any_more_and_what_comes_then_waits_from_then_on():
    sights = Sights()
    mouth = Mouth()
    sights.see(mouth)
    sights.clock.advance(HOLD_S / 2)
    mouth.flush()
    sights.see(mouth)
    sights.clock.advance(HOLD_S / 2)
    assert mouth.flushed == 1
    sights.clock.advance(HOLD_S / 2)
    assert mouth.flushed == 2


def test_what_is_due_soon_is_told_before_its_time_when_that_is_asked_for_and_the_rest_is_not():
    sights = Sights()
    soon, late = Mouth(), Mouth()
    sights.see(soon)
    sights.see(late, in_s=2 * HOLD_S)
    sights.it.flush_due(sights.clock.seconds() + HOLD_S)
    assert (soon.flushed, late.flushed) == (1, 0)


def test_what_is_due_a_moment_later_goes_with_what_is_due():
    sights = Sights()
    first, second, third = Mouth(), Mouth(), Mouth()
    for mouth, late in ((first, 0.0), (second, 0.9), (third, 1.1)):
        sights.see(mouth, in_s=HOLD_S + late * ROUND_S)
    sights.clock.advance(HOLD_S)
    assert [mouth.flushed for mouth in (first, second, third)] == [1, 1, 0]


def flushed(mouths: list[Mouth]) -> int:
    return sum(mouth.flushed for mouth in mouths)


def test_a_crowd_is_written_to_in_parts_and_between_them_others_have_their_turn():
    sights = Sights()
    mouths = [Mouth() for _ in range(2 * AT_ONCE + 1)]
    sights.see(*mouths)
    written: list[int] = []
    sights.clock.callLater(0, lambda: written.append(flushed(mouths)))
    sights.it.flush_due(sights.clock.seconds() + HOLD_S)
    assert flushed(mouths) == AT_ONCE
    sights.clock.advance(0)
    assert written == [AT_ONCE]
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    assert sights.clock.getDelayedCalls() == []


def test_of_a_crowd_who_is_due_first_is_written_to_first_though_asked_for_later():
    sights = Sights()
    late, soon = [[Mouth() for _ in range(AT_ONCE)] for _ in range(2)]
    sights.see(*late)
    sights.see(*soon, in_s=HOLD_S / 2)
    sights.it.flush_due(sights.clock.seconds() + HOLD_S)
    assert (flushed(soon), flushed(late)) == (AT_ONCE, 0)
    sights.clock.advance(0)
    assert (flushed(soon), flushed(late)) == (AT_ONCE, AT_ONCE)


def test_who_was_written_to_meanwhile_takes_no_place_in_a_part():
    sights = Sights()
    mouths = [Mouth() for _ in range(AT_ONCE + 1)]
    sights.see(*mouths)
    mouths[0].flush()
    sights.it.flush_due(sights.clock.seconds() + HOLD_S)
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)


def test_what_can_wait_is_written_after_the_replies_to_a_crowd():
    sights = Sights()
    order: list[str] = []
    answered, lookers = [[Mouth() for _ in range(3 * AT_ONCE)] for _ in range(2)]
    for name, mouths in (("reply", answered), ("sight", lookers)):
        for mouth in mouths:
            mouth.flush = lambda name=name: order.append(name)  # type: ignore[method-assign]
    for mouth in answered:
        sights.replies.soon(mouth)
    sights.clock.callLater(0, lambda: sights.see(*lookers, in_s=0))
    sights.clock.advance(0)
    assert order == ["reply"] * 3 * AT_ONCE + ["sight"] * 3 * AT_ONCE


def test_who_is_gone_sees_nothing():
    sights = Sights()
    mouth = Mouth()
    sights.see(mouth)
    mouth.gone = True
    sights.clock.advance(HOLD_S)
    assert mouth.flushed == 0
