from itertools import pairwise
from math import inf

import pytest
from twisted.internet.task import Clock

from gateway.egress.flusher import AT_ONCE, ONE_GO_MAX, ROUNDS, WAIT_S_PER_WRITE, Flusher
from tests.unit.gateway.fakes import Mouth

WINDOW_S = 0.01


def crowd(it: Flusher) -> None:
    """So many have something to say that the window is at its widest."""
    for _ in range(int(WINDOW_S / WAIT_S_PER_WRITE) + 1):
        it.soon(Mouth())


def flusher(*, can_wait: bool = False) -> tuple[Clock, Flusher]:
    clock = Clock()
    clock.advance(1000)
    return clock, Flusher(clock, WINDOW_S, waits_for=Flusher(clock, WINDOW_S) if can_wait else None)


def test_the_first_word_after_a_quiet_moment_goes_at_the_end_of_the_turn():
    clock, it = flusher()
    mouth = Mouth()
    it.soon(mouth)
    it.soon(mouth)
    assert mouth.flushed == 0
    clock.advance(0)
    assert mouth.flushed == 1


def test_under_load_everyone_is_written_to_once_per_window():
    clock, it = flusher()
    one, two = Mouth(), Mouth()
    it.soon(one)
    crowd(it)
    clock.advance(0)
    for _ in range(5):
        it.soon(one)
        it.soon(two)
        clock.advance(WINDOW_S / 10)
    assert (one.flushed, two.flushed) == (1, 0)
    clock.advance(WINDOW_S)
    assert (one.flushed, two.flushed) == (2, 1)


def test_few_are_not_kept_waiting_for_what_many_would_gain():
    clock, it = flusher()
    mouth = Mouth()
    it.soon(mouth)
    clock.advance(0)
    it.soon(mouth)
    clock.advance(2 * WAIT_S_PER_WRITE)
    assert mouth.flushed == 2


def test_who_is_gone_is_not_written_to():
    clock, it = flusher()
    mouth = Mouth()
    it.soon(mouth)
    mouth.gone = True
    clock.advance(WINDOW_S)
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
    clock.advance(WINDOW_S / 2)
    assert late.flushed == 0
    clock.advance(WINDOW_S)
    assert late.flushed == 1


def test_what_can_wait_is_written_after_the_replies_to_a_crowd():
    clock, replies = flusher()
    views = Flusher(clock, WINDOW_S, waits_for=replies)
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
        crowd(it)
        it.soon(mouth)
        before = mouth.flushed
        clock.advance(WINDOW_S / ROUNDS)
        written_s += [clock.seconds()] * (mouth.flushed - before)
    assert len(written_s) == 20
    assert [b - a for a, b in pairwise(written_s)] == pytest.approx([WINDOW_S] * 19)


@pytest.mark.parametrize("since", [0.1, 0.5, 0.9])
def test_who_was_just_told_something_else_hears_what_can_wait_a_window_and_a_round_later_at_most(since: float):
    clock, it = flusher(can_wait=True)
    mouth = Mouth()
    crowd(it)
    clock.advance(0)
    clock.advance(since * WINDOW_S)
    mouth.written_s = clock.seconds()
    it.soon(mouth)
    waited_s = 0.0
    while not mouth.flushed and waited_s < 3 * WINDOW_S:
        crowd(it)
        clock.advance(WINDOW_S / 100)
        waited_s += WINDOW_S / 100
    assert waited_s + WINDOW_S / 50 >= WINDOW_S
    assert waited_s <= WINDOW_S * (1 + 1 / ROUNDS) + WINDOW_S / 50


def test_whose_words_a_reply_took_along_was_not_written_to_and_hears_what_comes_next_with_the_next_round():
    clock, it = flusher(can_wait=True)
    mouth = Mouth()
    it.soon(mouth)
    crowd(it)
    mouth.out = []
    clock.advance(0)
    assert (mouth.flushed, mouth.written_s) == (0, -inf)
    mouth.out = [b"something"]
    it.soon(mouth)
    clock.advance(WINDOW_S / ROUNDS)
    assert mouth.flushed == 1


def test_what_can_not_wait_does_not_however_short_ago_its_client_was_written_to():
    clock, it = flusher()
    mouth = Mouth()
    mouth.written_s = clock.seconds() + WINDOW_S
    it.soon(mouth)
    clock.advance(0)
    assert mouth.flushed == 1


def test_at_once_is_before_the_end_of_the_turn_but_not_within_the_window():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(3 * AT_ONCE)]
    it.soon_all(mouths)
    it.at_once()
    assert [mouth.flushed for mouth in mouths] == [1] * len(mouths)
    it.soon(mouths[0])
    it.at_once()
    assert mouths[0].flushed == 1
    clock.advance(WINDOW_S)
    assert mouths[0].flushed == 2
    assert clock.getDelayedCalls() == []


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
    it = Flusher(clock, 0.0)
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
