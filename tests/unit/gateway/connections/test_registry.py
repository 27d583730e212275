"""Who is told what when; how sessions end is told with the hub's tests."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from gameserver.limits import Limits
from gateway.connections.registry import ConnectionRegistry
from gateway.egress.flusher import ROUNDS
from tests.unit.gateway.fakes import Mouth

WINDOW_MS = 100


@pytest.fixture
def busy() -> tuple[Clock, Any, list[Any]]:
    """A crowd so large that its windows are at their widest, and all of whom have just seen something."""
    clock = Clock()
    clock.advance(1000)
    crowd, mouths = (
        ConnectionRegistry(clock, Limits(broadcast_flush_ms_max=WINDOW_MS)),
        [Mouth() for _ in range(5 * WINDOW_MS * 10)],
    )
    crowd.schedule_broadcast_flush(mouths)
    clock.advance(0)
    assert all(mouth.flushed == 1 for mouth in mouths)
    return clock, crowd, mouths


def see(clock: Clock, crowd: ConnectionRegistry, mouths: list[Any], ms: int) -> None:
    """Others do something all the time."""
    for _ in range(ms):
        crowd.schedule_broadcast_flush(mouths)
        clock.advance(0.001)


def test_who_was_just_answered_sees_what_others_do_when_a_window_has_passed(busy):
    clock, crowd, mouths = busy
    see(clock, crowd, mouths, WINDOW_MS // ROUNDS - 1)
    crowd.schedule_reply_flush(mouths[0])
    clock.advance(0)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)
    see(clock, crowd, mouths, WINDOW_MS - 5)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 2)
    see(clock, crowd, mouths, 10)
    assert (mouths[0].flushed, mouths[1].flushed) == (3, 2)


def test_a_reply_does_not_wait_for_what_others_do(busy):
    _, crowd, mouths = busy
    crowd.schedule_broadcast_flush(mouths)
    crowd.schedule_reply_flush(mouths[0])
    crowd.flush_replies_now()
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)


def test_where_others_are_waits_longer_than_what_they_do_which_takes_it_along():
    clock = Clock()
    clock.advance(1000)
    limits = Limits(broadcast_flush_ms_max=WINDOW_MS, position_flush_ms_max=3 * WINDOW_MS)
    crowd, mouths = ConnectionRegistry(clock, limits), [Mouth() for _ in range(5 * WINDOW_MS * 10)]
    crowd.schedule_broadcast_flush(mouths, latest=True)
    clock.advance(0)
    for _ in range(3 * WINDOW_MS - 2):
        crowd.schedule_broadcast_flush(mouths, latest=True)
        clock.advance(0.001)
    assert (mouths[0].flushed, mouths[1].flushed) == (1, 1)
    crowd.schedule_broadcast_flush(mouths[:1])
    clock.advance(0)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 1)
    clock.advance(0.01)
    assert (mouths[0].flushed, mouths[1].flushed) == (2, 2)
