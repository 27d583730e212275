"""What a worker can't read goes round until another takes it."""

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from celery.exceptions import Reject

from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, task_message
from gameserver.modules.movement.events import Move
from gameserver.runtime.logging import Seldom
from tasks.celery_app import app
from tasks.meters import CountedRequest
from tasks.unread_messages import UNKNOWN, Origin, Strategies
from tests.unit.tasks.test_processor import Rig, move

WHENCE = Origin(task="combat.dance", queue="combat.2", copy=3, attempts=1, priority=2)


class Versions(Rig):
    """A rig whose store remembers what was put off, and whose messages are kept whole."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[Any, str, str]] = []
        self.elsewhere: set[str] = set()
        self.noted: list[tuple[list[str], int]] = []

    def going_on(self, ids: Sequence[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
        return frozenset(ids) - self.elsewhere, copy + 1

    def note_unread(self, ids: Sequence[str], copy: int, now_ms: int) -> None:
        self.noted.append((list(ids), copy))

    def task(self, message: Any, queue: str, exchange: str = "events") -> None:
        self.messages.append((message, queue, exchange))


def dance(id_: str, session: str = "s1") -> dict[str, Any]:
    event = {"type": "dance", "seq": 1}
    return {"id": id_, "event": event, "at_ms": 7_000, "session": session, "conn": "c", "gateway": "g1"}


def test_events_of_an_unknown_type_go_through_the_longest_delay_back_to_their_queue_as_they_are() -> None:
    rig = Versions()
    report = rig.server.put_off([dance("a"), dance("b")], task_id="t", whence=WHENCE)
    ((message, queue, exchange),) = rig.messages
    assert (queue, exchange) == ("combat.2", "delay.8000")
    assert message.headers["task"] == "combat.dance"
    assert (message.headers["copy"], message.headers["attempts"], message.priority) == (4, 1, 2)
    assert (message.persistent, message.accepted_s, message.headers["id"]) == (True, 7, message.task_id)
    assert msgspec.json.decode(message.body) == [[[dance("a"), dance("b")]], {}, None]
    assert (report.outcomes, rig.noted) == ({"unread": 2}, [(["a", "b"], 4)])


def test_of_several_copies_one_goes_round() -> None:
    rig = Versions()
    rig.elsewhere = {"a"}
    rig.server.put_off([dance("a"), dance("b")], task_id="t", whence=WHENCE)
    rig.server.put_off([dance("a")], task_id="t", whence=WHENCE)
    ((message, _, _),) = rig.messages
    assert msgspec.json.decode(message.body)[0] == [[dance("b")]]


def test_the_readable_of_a_batch_are_applied_and_the_rest_is_put_off_with_what_follows() -> None:
    rig = Versions()
    strange = msgspec.to_builtins(move("b")) | {"event": {"type": "move", "dir": "n", "seq": 1, "speed": 3}}
    raw = [move("a"), strange, move("c"), move("x", "s2")]
    whence = Origin(task="movement.move", queue="movement")
    report = rig.server.handle(raw, task_id="t", tried=False, redelivered=False, whence=whence)
    assert rig.logged("applied") == [[["a", "x"]]]
    ((message, _, exchange),) = rig.messages
    assert (exchange, message.headers["task"]) == ("delay.8000", "movement.move")
    assert [one["id"] for one in msgspec.json.decode(message.body)[0][0]] == ["b", "c"]
    assert report.outcomes["unread"] == 2


def test_nobody_waits_for_a_tick_that_cannot_be_read() -> None:
    rig = Versions()
    tick = {"id": "tick:1", "event": {"type": "tick", "n": 1, "moon": "full"}, "at_ms": 0}
    rig.counted = {"tick:1": 1}
    report = rig.server.handle([tick], task_id="t", tried=False, redelivered=False)
    assert (rig.messages, report.outcomes) == ([], {"dropped": 1})
    assert "tick:1" not in rig.counted


@pytest.mark.parametrize(("redelivered", "attempts"), [(False, 0), (True, 1)])
def test_what_may_have_killed_a_worker_that_could_read_it_is_put_off_as_a_suspect(
    redelivered: bool, attempts: int
) -> None:
    """Its beginning is counted, and only who takes it for a suspect minds the count, and forgets it."""
    rig = Versions()
    rig.counted = {"a": 1}
    whence = Origin(task="combat.dance", queue="combat", redelivered=redelivered)
    rig.server.put_off([dance("a")], task_id="t", whence=whence)
    rig.server.handle([dance("a")], task_id="t", tried=False, redelivered=redelivered, whence=whence)
    assert [message.headers["attempts"] for message, _, _ in rig.messages] == [attempts, attempts]
    assert rig.counted == {"a": 1}


def test_what_is_no_event_goes_to_the_dead_messages_and_its_neighbours_do_not() -> None:
    rig = Versions()
    rig.server.handle([move("a"), 7], task_id="t", tried=False, redelivered=False)
    assert rig.logged("applied") == [[["a"]]]
    ((message, _, exchange),) = rig.messages
    assert exchange == "dead"
    assert b"[7]" in message.body


def test_a_message_of_an_unknown_task_is_taken_as_one_that_is_put_off() -> None:
    taken: list[Any] = []
    strategies = Strategies({UNKNOWN: lambda message, *rest: taken.append((message, rest)), "movement.move": 1})
    assert strategies["movement.move"] == 1
    strategies["combat.dance"](SimpleNamespace(headers={"task": "combat.dance", "id": "x"}), 1, 2)
    ((message, rest),) = taken
    known = {"task": UNKNOWN, "wanted": "combat.dance", "shadow": "combat.dance", "id": "x"}
    assert (message.headers, rest) == (known, (1, 2))


def test_an_event_that_was_moved_to_another_family_is_taken_by_its_old_name_with_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.unread_messages.renamed", Seldom(logging.getLogger("renamed")))
    taken: list[Any] = []
    take = {task: lambda message, *_: taken.append(message.headers) for task in (UNKNOWN, *app.tasks)}
    for old in ("world.sweep", "world.show", "combat.move", "world.swept", "sweep"):
        Strategies(take)[old](SimpleNamespace(headers={"task": old}))
    found = [(headers["wanted"], headers["task"]) for headers in taken]
    moved = [("world.sweep", "sessions.sweep"), ("world.show", "movement.show"), ("combat.move", "movement.move")]
    assert found == [*moved, ("world.swept", UNKNOWN), ("sweep", UNKNOWN)]
    assert [headers["shadow"] for headers in taken] == [headers["wanted"] for headers in taken]
    assert caplog.messages == ["world.sweep is the old name of sessions.sweep: a process of another version sends it"]


def test_what_cannot_be_read_under_an_old_name_is_put_off_by_that_name_with_what_follows_it_in_its_lane() -> None:
    rig = Versions()
    strange = msgspec.to_builtins(move("b")) | {"event": {"type": "move", "dir": "n", "seq": 1, "speed": 3}}
    whence = Origin(task="combat.move", queue="combat")
    report = rig.server.handle(
        [strange, move("c"), move("x", "s2")], task_id="t", tried=False, redelivered=False, whence=whence
    )
    assert rig.logged("applied") == [[["x"]]]
    ((message, queue, _),) = rig.messages
    assert (message.headers["task"], queue) == ("combat.move", "combat")
    assert [one["id"] for one in msgspec.json.decode(message.body)[0][0]] == ["b", "c"]
    assert report.outcomes["unread"] == 2


def test_a_task_that_is_put_off_is_shown_by_its_own_name_and_counted_as_unknown() -> None:
    headers = dict(task_message([move("a")], "here").headers, task="combat.dance")
    message = SimpleNamespace(headers=headers, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
    requests: list[CountedRequest] = []
    take = lambda message, *_: requests.append(request_of(message))  # noqa: E731
    Strategies({UNKNOWN: take})["combat.dance"](message)
    assert [(request.name, request.type) for request in requests] == [("combat.dance", UNKNOWN)]


def request_of(message: Any) -> CountedRequest:
    """Celery's request, as a worker's main process makes it of a message."""
    known = SimpleNamespace(delivery_info={}, properties={}, body=b"", **vars(message))
    return CountedRequest(
        known, app=app, task=app.tasks[UNKNOWN], headers=message.headers, body=([], {}, None), decoded=True
    )


def test_a_batch_that_is_wholly_readable_asks_nobody() -> None:
    rig = Versions()
    rig.server.handle([Envelope(id="a", event=Move(dir="n"), at_ms=0)], task_id="t", tried=False, redelivered=False)
    assert (rig.noted, rig.messages) == ([], [])


def strange(id_: str, session: str = "s1") -> dict[str, Any]:
    return msgspec.to_builtins(move(id_, session)) | {"event": {"type": "move", "dir": "n", "seq": 1, "speed": 3}}


def gone_on(rig: Versions) -> list[tuple[str, list[str]]]:
    """Where the messages went, and which events are in each."""
    bodies = [(exchange, msgspec.json.decode(message.body)[0][0]) for message, _, exchange in rig.messages]
    return [(exchange, [one["id"] for one in batch]) for exchange, batch in bodies]


def handle(rig: Versions, *raw: Any, copy: int = 0, redelivered: bool = False, tried: bool = False) -> Any:
    whence = Origin(task="movement.move", queue="movement", copy=copy)
    batch = [msgspec.to_builtins(one) for one in raw]
    return rig.server.handle(batch, task_id="t", tried=tried, redelivered=redelivered, whence=whence)


def test_what_cannot_be_read_stays_behind_what_failed_before_it_in_its_lane() -> None:
    rig = Versions()
    rig.broken = {"b"}
    report = handle(rig, move("a"), move("b"), move("c"), strange("d"), move("e"), strange("x", "s2"), copy=7)
    assert gone_on(rig) == [("delay.500", ["b", "c", "d", "e"]), ("delay.8000", ["x"])]
    held = rig.messages[0][0]
    assert (held.headers["attempts"], held.headers["copy"], report.outcomes["unread"]) == (1, 7, 3)


def test_what_cannot_be_read_goes_on_with_what_followed_an_event_that_was_given_up() -> None:
    rig = Versions()
    rig.broken = {"a"}
    rig.counted = {"a": 3}
    handle(rig, move("a"), move("b"), strange("c"), tried=True)
    assert gone_on(rig) == [("events", ["b", "c"])]


def test_what_cannot_be_read_goes_round_when_all_that_precedes_it_was_given_up() -> None:
    rig = Versions()
    rig.broken = {"a"}
    rig.counted = {"a": 3}
    handle(rig, move("a"), strange("b"), tried=True)
    assert gone_on(rig) == [("delay.8000", ["b"])]


def test_what_cannot_be_read_stays_with_its_lane_when_a_message_is_split() -> None:
    rig = Versions()
    rig.counted = {"t": 1}
    handle(rig, move("a"), strange("b"), move("x", "s2"), strange("y", "s2"), redelivered=True)
    assert gone_on(rig) == [("events", ["a", "b"]), ("events", ["x", "y"])]


def test_what_cannot_be_read_stays_with_what_the_lease_is_too_short_for() -> None:
    rig = Versions()
    rig.takes_s = 100.0
    handle(rig, move("a"), move("b"), strange("c"), tried=True)
    assert gone_on(rig) == [("events", ["b", "c"])]


def test_what_cannot_be_read_is_left_to_its_gateway_behind_what_was_put_off() -> None:
    rig = Versions()
    rig.early = {"a"}
    handle(rig, move("a"), strange("b"), strange("x", "s2"))
    assert gone_on(rig) == [("delay.8000", ["x"])]


def test_nothing_is_set_apart_of_a_batch_that_goes_back_to_the_queue() -> None:
    rig = Versions()
    rig.away = 1000
    with pytest.raises(Reject):
        handle(rig, move("a"), strange("b"))
    assert (rig.messages, rig.noted) == ([], [])


@pytest.mark.parametrize("batch", [[strange("a")], [move("a"), strange("b")], [move("a"), strange("x", "s2")]])
def test_the_trial_of_a_message_that_cannot_be_read_is_forgotten_as_it_goes_on_under_another_name(
    batch: list[Any],
) -> None:
    rig = Versions()
    rig.counted = {"t": 1}  # by a worker that could read it, and died
    handle(rig, *batch, redelivered=True)
    assert rig.counted == {}
    ((exchange, _),) = gone_on(rig)
    assert exchange == "delay.8000"
