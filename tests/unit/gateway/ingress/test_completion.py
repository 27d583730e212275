import pytest

from gameserver.broker.gateway_routing import routing_key
from gameserver.messages.outbound import SessionUpdate
from tests.unit.gateway.fakes import Stage


def test_the_reply_reaches_its_sender_and_lets_the_lane_go_on(stage: Stage):
    ada = stage.player()
    for seq in (2, 3, 4):
        ada.send(type="move", dir="n", seq=seq)
    (first,) = stage.broker.take()
    assert first.seqs == [2]
    stage.answer(first)
    assert [packet["re"] for packet in ada.heard("ok")] == [2]
    (second,) = stage.broker.take()
    assert second.seqs == [3, 4]
    assert stage.hub.unanswered == 2


def test_lanes_do_not_wait_for_each_other(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    ada.send(type="say", text="slow", seq=3)
    ada.send(type="attack", target="rat", seq=4)
    assert [task.name for task in stage.broker.take()] == ["move", "say"]


def test_a_second_reply_to_the_same_event_is_dropped(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take()
    follow = SessionUpdate(watch={"view": ("zone.elsewhere",)})
    stage.answer(task)
    stage.answer(task, code="wall", follow=follow)
    assert [packet["type"] for packet in ada.heard()] == ["ok"]
    assert f"+{routing_key('zone.elsewhere')}" not in stage.broker.bound
    assert stage.hub.unanswered == 0


def test_a_reply_is_written_before_the_next_event_of_its_lane_leaves_for_the_queue(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    ada = stage.player()
    for seq in (2, 3):
        ada.send(type="move", dir="n", seq=seq)
    (first,) = stage.broker.take("move")
    publish, heard = stage.hub._publisher.publish, []

    def published(envelopes, waited_s):
        heard.append([packet["re"] for packet in ada.written("ok")])
        publish(envelopes, waited_s)

    monkeypatch.setattr(stage.hub._publisher, "publish", published)
    stage.answer(first)
    assert heard == [[2]]
    stage.clock.advance(0.1)
    (second,) = stage.broker.take("move")
    assert second.seqs == [3]


def test_what_waited_in_its_lane_has_gathered_meanwhile(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    stage.clock.advance(0.1)
    (first,) = stage.broker.take("move")
    ada.send(type="move", dir="n", seq=3)
    stage.hub._publisher._batchers["movement", "move"].linger_s = 0.05
    stage.clock.advance(0.05)
    stage.answer(first)
    (second,) = stage.broker.take("move")
    assert second.seqs == [3]


def test_lanes_go_on_once_after_all_replies_to_their_batch(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (first,) = stage.broker.take("move")
    for seq in (3, 4, 5):
        ada.send(type="move", dir="n", seq=seq)
    stage.answer(first)
    stage.clock.advance(0.1)
    (second,) = stage.broker.take("move")
    ada.send(type="move", dir="n", seq=6)
    advanced = []
    advance = stage.hub._lanes.advance
    monkeypatch.setattr(stage.hub._lanes, "advance", lambda *which: advanced.append(which) or advance(*which))
    stage.answer(second, only=[3, 4])
    assert stage.broker.take("move") == []
    stage.answer(second, only=[5])
    stage.clock.advance(0.1)
    (third,) = stage.broker.take("move")
    assert (third.seqs, len(advanced)) == ([6], 2)


def test_the_lanes_of_who_hung_up_meanwhile_do_not_go_on(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    ada = stage.player()
    for seq in (2, 3):
        ada.send(type="move", dir="n", seq=seq)
    (first,) = stage.broker.take("move")
    monkeypatch.setattr(stage.hub._writer, "flush_now", lambda until_s: stage.hub.ended(ada.connection))
    stage.answer(first)
    assert stage.broker.take("move") == []
    assert stage.hub.unanswered == 0
