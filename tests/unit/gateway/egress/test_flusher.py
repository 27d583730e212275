from itertools import pairwise
from math import inf

import pytest
from twisted.internet.task import Clock

from gameserver.latency import STRETCH_MAX
from gateway.egress.flusher import AT_ONCE, ONE_GO_MAX, ROUNDS, Flusher
from gateway.pace import Pace
from tests.unit.gateway.fakes import Mouth

BUDGET_S = 0.1
HOLD_S = Pace(BUDGET_S).hold_s


def flusher(*, can_wait: bool = False) -> tuple[Clock, Flusher]:
    clock, pace = Clock(), Pace(BUDGET_S)
    clock.advance(1000)
    return clock, Flusher(clock, pace, waits_for=Flusher(clock, pace) if can_wait else None)


def test_the_first_word_after_a_quiet_moment_goes_at_the_end_of_the_turn():
    clock, it = flusher()
    mouth = Mouth()
    it.soon(mouth)
    it.soon(mouth)
    assert mouth.flushed == 0
    clock.advance(0)
    assert mouth.flushed == 1


def test_what_can_not_wait_goes_at_the_end_of_each_turn():
    clock, it = flusher()
    mouth = Mouth()
    for n in range(5):
        it.soon(mouth)
        clock.advance(0)
        assert mouth.flushed == n + 1


@pytest.mark.parametrize("crowd", [1, 20, 3_000])
def test_what_can_wait_is_held_for_the_same_time_whether_few_are_told_or_many(crowd: int):
    clock, it = flusher(can_wait=True)
    mouths = [Mouth() for _ in range(crowd)]
    it.soon_all(mouths)
    clock.advance(0)
    it.soon_all(mouths)
    clock.pump([HOLD_S / 100] * 99)
    assert {mouth.flushed for mouth in mouths} == {1}
    clock.pump([HOLD_S / 100] * 4)
    assert {mouth.flushed for mouth in mouths} == {2}


def test_a_saturated_gateway_holds_longer():
    clock, pace = Clock(), Pace(BUDGET_S)
    for n in range(100):
        pace.look(1 + n, 0.0)
    it = Flusher(clock, pace, waits_for=Flusher(clock, pace))
    mouth = Mouth()
    it.soon(mouth)
    clock.advance(0)
    it.soon(mouth)
    clock.advance(2 * HOLD_S)
    assert mouth.flushed == 1
    clock.advance(STRETCH_MAX * HOLD_S)
    assert mouth.flushed == 2


def test_who_is_gone_is_not_written_to():
    clock, it = flusher()
    mouth = Mouth()
    it.soon(mouth)
    mouth.gone = True
    clock.advance(HOLD_S)
    assert mouth.flushed == 0


def test_nothing_runs_while_nobody_speaks():
    clock, it = flusher()
    it.soon(Mouth())
    clock.advance(1)
    assert clock.getDelayedCalls() == []


def test_between_parts_of_a_crowd_others_have_their_turn():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(2 * AT_ONCE + 1)]
    late = Mouth()
    turns = []

    def turn() -> None:
        turns.append(sum(mouth.flushed for mouth in mouths))
        it.soon(late)

    it.soon_all(mouths)
    clock.callLater(0, turn)
    clock.advance(0)
    assert turns == [AT_ONCE]
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    assert late.flushed == 1  # after all of them


def test_what_can_wait_is_written_after_the_replies_to_a_crowd():
    clock, replies = flusher()
    views = Flusher(clock, Pace(BUDGET_S), waits_for=replies)
    answered, lookers = [Mouth() for _ in range(3 * AT_ONCE)], [Mouth() for _ in range(3 * AT_ONCE)]
    order: list[str] = []
    for name, mouths in (("reply", answered), ("view", lookers)):
        for mouth in mouths:
            mouth.flush = lambda round_s, name=name: order.append(name)  # type: ignore[method-assign]
    views.soon_all(lookers)
    replies.soon_all(answered)
    clock.advance(0)
    assert order[:AT_ONCE] == ["view"] * AT_ONCE  # a round had begun when the replies came
    assert order[AT_ONCE : 4 * AT_ONCE] == ["reply"] * 3 * AT_ONCE
    assert order[4 * AT_ONCE :] == ["view"] * 2 * AT_ONCE


def test_a_crowd_that_leaves_while_it_is_written_to_leaves_nothing_behind():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(AT_ONCE + 5)]
    it.soon_all(mouths)
    clock.callLater(0, lambda: [setattr(mouth, "gone", True) for mouth in mouths])
    clock.advance(0)
    assert clock.getDelayedCalls() == []
    assert sum(mouth.flushed for mouth in mouths) == AT_ONCE


def test_what_can_wait_is_written_a_window_after_what_was_written_before():
    clock, it = flusher(can_wait=True)
    mouth = Mouth()
    written_s = []
    for _ in range(20 * ROUNDS):
        it.soon(mouth)
        before = mouth.flushed
        clock.advance(HOLD_S / ROUNDS)
        written_s += [clock.seconds()] * (mouth.flushed - before)
    assert len(written_s) == 20
    assert [b - a for a, b in pairwise(written_s)] == pytest.approx([HOLD_S] * 19)


@pytest.mark.parametrize("since", [0.1, 0.5, 0.9])
def test_who_was_just_told_something_else_hears_what_can_wait_a_window_and_a_round_later_at_most(since: float):
    clock, it = flusher(can_wait=True)
    mouth = Mouth()
    clock.advance(0)
    clock.advance(since * HOLD_S)
    mouth.written_s = clock.seconds()
    it.soon(mouth)
    waited_s = 0.0
    while not mouth.flushed and waited_s < 3 * HOLD_S:
        clock.advance(HOLD_S / 100)
        waited_s += HOLD_S / 100
    assert waited_s + HOLD_S / 50 >= HOLD_S
    assert waited_s <= HOLD_S * (1 + 1 / ROUNDS) + HOLD_S / 50


def test_whose_words_a_reply_took_along_was_not_written_to_and_hears_what_comes_next_with_the_next_round():
    clock, it = flusher(can_wait=True)
    mouth = Mouth()
    it.soon(mouth)
    mouth.out = []
    clock.advance(0)
    assert (mouth.flushed, mouth.written_s) == (0, -inf)
    mouth.out = [b"something"]
    it.soon(mouth)
    clock.advance(HOLD_S / ROUNDS)
    assert mouth.flushed == 1


def test_what_can_not_wait_does_not_however_short_ago_its_client_was_written_to():
    clock, it = flusher()
    mouth = Mouth()
    mouth.written_s = clock.seconds() + HOLD_S
    it.soon(mouth)
    clock.advance(0)
    assert mouth.flushed == 1


def test_at_once_is_before_the_end_of_the_turn():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(3 * AT_ONCE)]
    it.soon_all(mouths)
    it.at_once()
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    assert clock.getDelayedCalls() == []


def test_at_once_tells_those_who_are_not_held_without_waiting_for_the_next_round():
    clock, it = flusher(can_wait=True)
    held, free = Mouth(), Mouth()
    it.soon(held)
    clock.advance(0)
    it.soon_all([held, free])
    it.at_once()
    assert (held.flushed, free.flushed) == (1, 1)
    clock.advance(HOLD_S)
    assert (held.flushed, free.flushed) == (2, 1)


def test_what_is_too_much_for_one_go_goes_in_parts():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(ONE_GO_MAX + 1)]
    it.soon_all(mouths)
    it.at_once()
    assert sum(mouth.flushed for mouth in mouths) == 0
    clock.advance(0)
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)


def test_at_once_with_nothing_to_write_is_nothing():
    clock, it = flusher()
    it.at_once()
    assert clock.getDelayedCalls() == []


def test_an_answer_in_the_middle_of_a_round_takes_no_turn_from_those_who_wait_for_theirs():
    clock = Clock()
    it = Flusher(clock, Pace(BUDGET_S))
    mouths = [Mouth() for _ in range(AT_ONCE + 5)]
    late = Mouth()

    def answer() -> None:
        it.soon(late)
        it.at_once()

    it.soon_all(mouths)
    clock.callLater(0, answer)
    clock.advance(0)
    clock.advance(0)
    assert [mouth.flushed for mouth in [*mouths, late]] == [1] * (AT_ONCE + 6)
