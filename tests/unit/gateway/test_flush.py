from twisted.internet.task import Clock

from gateway.flush import AT_ONCE, WAIT_S_PER_WRITE, Flusher

WINDOW_S = 0.01


class Mouth:
    """Counts its flushes."""

    def __init__(self) -> None:
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1


def crowd(it: Flusher) -> None:
    """So many have something to say that the window is at its widest."""
    for _ in range(int(WINDOW_S / WAIT_S_PER_WRITE) + 1):
        it.soon(Mouth())


def flusher() -> tuple[Clock, Flusher]:
    clock = Clock()
    clock.advance(1000)
    return clock, Flusher(clock, WINDOW_S)


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
    it.forget(mouth)
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


def test_a_crowd_that_leaves_while_it_is_written_to_leaves_nothing_behind():
    clock, it = flusher()
    mouths = [Mouth() for _ in range(AT_ONCE + 5)]
    it.soon_all(mouths)
    clock.callLater(0, lambda: [it.forget(mouth) for mouth in mouths])
    clock.advance(0)
    assert clock.getDelayedCalls() == []
    assert sum(mouth.flushed for mouth in mouths) == AT_ONCE
