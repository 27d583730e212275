"""Who is told what when; how sessions end is told with the hub's tests."""

from typing import Any

from twisted.internet.task import Clock

from gameserver.limits import Limits
from gameserver.wire.codecs import msgpack_codec
from gateway.connections.writer import Writer
from gateway.pace import Pace
from tests.unit.gateway.fakes import Mouth

HOLD_S = 0.04


class Watcher(Mouth):
    """One who watches: what was queued, and how often it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.broadcast_codec: Any = msgpack_codec()
        self.paused = False
        self.queued: list[bytes] = []
        self.outgoing = self


def crowd(count: int = 3) -> tuple[Clock, Writer, list[Any]]:
    clock = Clock()
    clock.advance(1000)
    return clock, Writer(clock, Limits(), Pace(0.1)), [Watcher() for _ in range(count)]


def test_what_others_do_waits_until_it_is_due_or_a_reply_takes_it_along():
    clock, writer, (ada, bob, eve) = crowd()
    writer.broadcast([ada, bob], [b"moved"], clock.seconds() + HOLD_S)
    writer.schedule_reply_flush(ada)
    writer.flush_now(clock.seconds())
    assert [each.flushed for each in (ada, bob, eve)] == [1, 0, 0]
    clock.advance(HOLD_S)
    assert [each.flushed for each in (ada, bob, eve)] == [1, 1, 0]


def test_what_is_due_before_the_next_result_is_written_with_the_replies():
    clock, writer, (ada, bob, eve) = crowd()
    writer.broadcast([ada, bob], [b"moved"], clock.seconds() + HOLD_S)
    writer.broadcast([eve], [b"moved"], clock.seconds() + 3 * HOLD_S)
    writer.flush_now(clock.seconds() + 2 * HOLD_S)
    assert [each.flushed for each in (ada, bob, eve)] == [1, 1, 0]


def test_who_does_not_watch_is_not_told():
    clock, writer, (ada, bob, _) = crowd()
    bob.broadcast_codec = None
    writer.broadcast([ada, bob], [b"moved"], clock.seconds())
    clock.advance(0)
    assert (len(ada.queued), ada.flushed, bob.queued, bob.flushed) == (1, 1, [], 0)


def test_packets_are_framed_once_for_all_who_speak_one_way():
    _, writer, watchers = crowd(5)
    writer.broadcast(watchers, [b"a", b"b"], 0.0)
    assert len({id(watcher.queued[0]) for watcher in watchers}) == 1
