"""Who is told what when; how sessions end is told with the hub's tests."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from gameserver.limits import Limits
from gateway.connections.writer import Writer
from gateway.egress.flusher import ROUNDS
from gateway.pace import Pace
from tests.unit.gateway.fakes import Mouth

PACE = Pace(0.1)


@pytest.fixture
def busy() -> tuple[Clock, Any, list[Any]]:
    """A writer, and a crowd who have just seen something."""
    clock = Clock()
    clock.advance(1000)
    writer, mouths = Writer(clock, Limits(), PACE), [Mouth() for _ in range(500)]
    writer.schedule_broadcast_flush(mouths)
    clock.advance(0)
    assert all(mouth.flushed == 1 for mouth in mouths)
    return clock, writer, mouths


def see(clock: Clock, writer: Writer, mouths: list[Any], seconds: float) -> None:
    """Others do something all the time."""
    for _ in range(round(seconds * 1000)):
        writer.schedule_broadcast_flush(mouths)
        clock.advance(0.001)


def test_who_was_just_answered_sees_what_others_do_when_it_was_held(busy):
    clock, writer, mouths = busy
    see(clock, writer, mouths, PACE.hold_s / ROUNDS - 0.002)
    writer.schedule_reply_flush(mouths[0])
    clock.advance(0)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)
    see(clock, writer, mouths, PACE.hold_s - 0.002)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 2)
    see(clock, writer, mouths, 0.012)
    assert mouths[0].flushed == 3


def test_a_reply_is_not_held(busy):
    _, writer, mouths = busy
    writer.schedule_broadcast_flush(mouths)
    writer.schedule_reply_flush(mouths[0])
    writer.flush_now()
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)


def test_what_a_batch_has_to_tell_is_written_at_once_to_those_who_were_left_alone_for_a_while(busy):
    clock, writer, mouths = busy
    clock.advance(PACE.hold_s)
    writer.schedule_reply_flush(mouths[0])
    writer.schedule_broadcast_flush(mouths)
    writer.flush_now()
    assert {mouth.flushed for mouth in mouths} == {2}
