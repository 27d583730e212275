"""What of a batch is read, what waits for another version, and what is nothing at all."""

from typing import Any

import msgspec

from gameserver.messages.envelope import Envelope
from gameserver.messages.readability import all_unread, is_awaited, sort_out
from gameserver.modules.movement.events import Move


def raw(id_: str, session: str = "s1", **event: Any) -> dict[str, Any]:
    fields = {"type": "move", "dir": "n", "seq": 1, **event}
    return {"id": id_, "event": fields, "at_ms": 5, "session": session, "conn": "c", "gateway": "g1"}


def test_what_can_be_read_is_read() -> None:
    found = sort_out([raw("a"), raw("b", "s2")], "movement.move")
    assert ([envelope.id for envelope in found.batch], found.unread, found.junk) == (["a", "b"], [], [])


def test_what_cannot_be_read_takes_along_what_follows_it_in_its_lane_and_nothing_else() -> None:
    batch = [raw("a"), raw("b", speed=2), raw("c"), raw("x", "s2"), raw("y", "s3", dir=7)]
    found = sort_out(batch, "movement.move")
    assert [envelope.id for envelope in found.batch] == ["a", "x"]
    assert found.unread == [batch[4]]
    assert found.tails == {found.batch[0].order: [batch[1], batch[2]]}


def test_the_same_of_a_batch_of_which_all_but_one_was_read() -> None:
    read = Envelope(id="c", event=Move(dir="n", seq=2), at_ms=5, session="s1", conn="c")
    found = sort_out([raw("b", speed=2), read], "movement.move")
    assert (found.batch, found.unread) == ([], [raw("b", speed=2), msgspec.to_builtins(read)])


def test_what_follows_without_a_session_stands_alone() -> None:
    assert [e.id for e in sort_out([raw("a", "", speed=1), raw("b", "")], "movement.move").batch] == ["b"]


def test_what_is_no_event_is_junk() -> None:
    for junk in ("text", 7, {"id": "a"}, {"id": 1, "event": {"type": "move"}}, {"id": "a", "event": {}}, [1]):
        found = sort_out([junk, raw("a")], "movement.move")
        assert ([e.id for e in found.batch], found.unread, found.junk) == (["a"], [], [junk])
        assert all_unread([junk]).junk == [junk]
    assert sort_out("text", "movement.move").junk == ["text"]
    assert all_unread("text").junk == ["text"]


def test_nobody_waits_for_ticks_and_heartbeats() -> None:
    assert is_awaited(raw("a"))
    assert is_awaited({"id": "r", "event": {"type": "reward"}, "in_outbox": True})
    assert not is_awaited({"id": "t", "event": {"type": "tick", "n": 1}, "at_ms": 5})
    assert not is_awaited({"id": "t", "event": {"type": "heartbeat"}, "gateway": "g1"})
