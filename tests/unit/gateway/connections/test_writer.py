"""Who is told what when; how sessions end is told with the hub's tests."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from gameserver.limits import Limits
from gateway.connections.writer import Writer
from gateway.egress.flusher import ROUNDS
from tests.unit.gateway.fakes import Mouth

WINDOW_MS = 100


@pytest.fixture
def busy() -> tuple[Clock, Any, list[Any]]:
    """A writer so large that its windows are at their widest, and all of whom have just seen something."""
    clock = Clock()
    clock.advance(1000)
    writer, mouths = (
        Writer(clock, Limits(broadcast_flush_ms_max=WINDOW_MS)),
        [Mouth() for _ in range(5 * WINDOW_MS * 10)],
    )
    writer.schedule_broadcast_flush(mouths)
    clock.advance(0)
    assert all(mouth.flushed == 1 for mouth in mouths)
    return clock, writer, mouths


def see(clock: Clock, writer: Writer, mouths: list[Any], ms: int) -> None:
    """Others do something all the time."""
    for _ in range(ms):
        writer.schedule_broadcast_flush(mouths)
        clock.advance(0.001)


def test_who_was_just_answered_sees_what_others_do_when_a_window_has_passed(busy):
    clock, writer, mouths = busy
    see(clock, writer, mouths, WINDOW_MS // ROUNDS - 1)
    writer.schedule_reply_flush(mouths[0])
    clock.advance(0)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)
    see(clock, writer, mouths, WINDOW_MS - 5)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 2)
    see(clock, writer, mouths, 10)
    assert (mouths[0].flushed, mouths[1].flushed) == (3, 2)


def test_a_reply_does_not_wait_for_what_others_do(busy):
    _, writer, mouths = busy
    writer.schedule_broadcast_flush(mouths)
    writer.schedule_reply_flush(mouths[0])
    writer.flush_replies_now()
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)


def test_where_others_are_waits_longer_than_what_they_do_which_takes_it_along():
    clock = Clock()
    clock.advance(1000)
    limits = Limits(broadcast_flush_ms_max=WINDOW_MS, position_flush_ms_max=3 * WINDOW_MS)
    writer, mouths = Writer(clock, limits), [Mouth() for _ in range(5 * WINDOW_MS * 10)]
    writer.schedule_broadcast_flush(mouths, positions=True)
    clock.advance(0)
    for _ in range(3 * WINDOW_MS - 2):
        writer.schedule_broadcast_flush(mouths, positions=True)
        clock.advance(0.001)
    assert (mouths[0].flushed, mouths[1].flushed) == (1, 1)
    writer.schedule_broadcast_flush(mouths[:1])
    clock.advance(0)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)
    clock.advance(0.01)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 2)
