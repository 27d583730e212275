import json

import msgspec
import pytest

from gameserver.modules.movement.events import Move
from gateway.amqp.broker import Busy
from gateway.ingress.recovery import FULL_AGAIN_S
from tests.unit.gateway.fakes import Player, Stage, sweep_for


def test_an_event_is_published_to_its_familys_queue_with_who_sent_it(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take()
    assert task.queue == "movement"
    assert task.message.headers["task"] == "movement.move"
    assert task.message.headers["argsrepr"] == "ada move dir='n'"
    (envelope,) = task.batch
    assert (envelope.player, envelope.conn, envelope.gateway) == ("ada", ada.connection.id, "g1")
    assert envelope.session == ada.connection.session_id
    assert envelope.event == Move(dir="n", seq=2)


def test_passwords_and_tokens_leave_the_gateway_sealed_or_hashed(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="my own secret", seq=1)
    (task,) = stage.broker.take()
    everything = task.message.body + json.dumps(task.message.headers).encode()
    assert b"my own secret" not in everything
    assert ada.connection.token.encode() not in everything
    assert task.batch[0].token


def test_a_refused_login_may_be_tried_again(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="wrong", seq=1)
    ada.send(type="login", name="ada", password="hasty", seq=2)
    (task,) = stage.broker.take()
    stage.answer(task, code="bad_login")
    assert [packet["code"] for packet in ada.heard("error")] == ["entering", "bad_login"]
    ada.send(type="login", name="ada", password="right", seq=3)
    assert stage.broker.take("login")


def test_a_refused_logout_leaves_the_player_in_the_world(stage: Stage):
    ada = stage.player()
    ada.send(type="logout", seq=2)
    (logout,) = stage.broker.take()
    stage.answer(logout, code="dead_lettered")
    ada.send(type="move", dir="n", seq=3)
    assert stage.broker.take("move")


def test_a_refusal_in_another_lane_does_not_call_a_logout_off(stage: Stage):
    ada = stage.player()
    stage.broker.confirming = False
    ada.send(type="say", text="hello", seq=2)
    ada.send(type="logout", seq=3)
    (say,) = stage.broker.take("say")
    say.confirmation.errback(Busy())
    ada.heard()
    ada.send(type="move", dir="n", seq=4)
    assert [packet["code"] for packet in ada.heard("error")] == ["leaving"]


def test_a_full_lane_is_busy_and_the_others_are_not(stage: Stage):
    ada = stage.player()
    most = stage.limits.lane_waiting_max
    for seq in range(2, most + 4):
        ada.send(type="move", dir="n", seq=seq)
    (refusal,) = ada.heard("error")
    assert (refusal["code"], refusal["re"]) == ("busy", most + 3)
    ada.send(type="say", text="still here", seq=most + 4)
    assert stage.broker.take("say")


def test_a_full_gateway_is_busy_until_something_is_answered():
    stage = Stage(gateway_waiting_max=3, lane_waiting_max=3, lane_flight_max=3, outcomes_kept=64)
    ada, bob = stage.player("ada"), stage.player("bob")
    for seq in (2, 3, 4):
        ada.send(type="move", dir="n", seq=seq)
    bob.send(type="move", dir="n", seq=2)
    assert [packet["code"] for packet in bob.heard()] == ["busy"]
    (task,) = stage.broker.take("move")
    stage.answer(task)
    bob.send(type="move", dir="n", seq=3)
    assert bob.heard() == []


def test_the_events_of_who_left_no_longer_count():
    stage = Stage(gateway_waiting_max=3, lane_waiting_max=3, lane_flight_max=3, outcomes_kept=64)
    ada, bob = stage.player("ada"), stage.player("bob")
    for seq in (2, 3, 4):
        ada.send(type="move", dir="n", seq=seq)
    stage.hub.ended(ada.connection)
    assert stage.hub.unanswered == 0
    bob.send(type="move", dir="n", seq=2)
    assert bob.heard() == []


@pytest.mark.parametrize("sent", [{}, {"sent": 3}])
def test_what_was_sent_before_a_resume_is_taken_though_its_family_is_down_and_all_is_full(sent: dict[str, int]):
    stage = Stage(gateway_waiting_max=4, lane_waiting_max=4, lane_flight_max=4, outcomes_kept=64)
    eve = stage.player("eve")
    for seq in (2, 3, 4, 5):
        eve.send(type="give", to="bob", coins=1, seq=seq)
    sweep_for(stage, 7)
    eve.heard()
    ada = Player(stage)
    ada.resume(**sent)
    stage.broker.take()
    stage.broker.confirming = False
    ada.send(type="give", to="bob", coins=10, seq=2)
    ada.send(type="give", to="bob", coins=10, seq=3)
    (copy,) = stage.broker.take("give")
    copy.confirmation.errback(Busy())
    sweep_for(stage, 7)
    assert ada.heard("error") == []
    for _ in range(3):  # the workers come: who asks again is answered, one after the other
        sweep_for(stage, int(FULL_AGAIN_S) + 1)
        for task in stage.broker.take("give"):
            stage.answer(task)
    assert [(p["type"], p["re"]) for p in ada.heard("ok", "error")] == [("ok", 2), ("ok", 3)]


def test_after_a_resume_new_events_are_refused_as_ever(stage: Stage):
    eve = stage.player("eve")
    eve.send(type="give", to="bob", coins=1, seq=2)
    sweep_for(stage, 7)
    ada = Player(stage)
    ada.resume(sent=7)
    ada.send(type="give", to="bob", coins=10, seq=8)
    assert [(p["code"], p["re"]) for p in ada.heard("error")] == [("unavailable", 8)]


def test_who_sends_more_again_than_can_be_unanswered_is_told_goodbye_and_nothing_of_the_events(stage: Stage):
    ada = Player(stage)
    ada.resume(sent=1000)
    most = stage.limits.lane_waiting_max + stage.limits.lane_flight_max
    packets = [{"type": "give", "to": "bob", "coins": 1, "seq": seq} for seq in range(2, most + 5)]
    stage.hub.received(ada.connection, b"".join(msgspec.json.encode(packet) + b"\n" for packet in packets))
    assert [(p["type"], p["code"]) for p in ada.heard()] == [("bye", "too_many_unanswered")]
    assert stage.hub.unanswered == most  # and none after the one that was not taken, which would overtake it


def test_a_lane_that_waits_for_a_family_without_workers_takes_nothing_new(stage: Stage):
    """Movement and combat share a lane: a blow must not overtake the step before it, of which nobody knows."""
    ada, bob = stage.player("ada"), stage.player("bob")
    ada.send(type="move", dir="n", seq=2)
    ada.send(type="attack", target="rat", seq=3)
    sweep_for(stage, 7)
    assert [(p["code"], p["re"]) for p in ada.heard("error")] == [("unavailable", 3)]
    ada.send(type="attack", target="rat", seq=4)
    assert [(p["code"], p["re"]) for p in ada.heard("error")] == [("unavailable", 4)]
    bob.heard()
    bob.send(type="attack", target="rat", seq=2)
    assert stage.broker.take("attack")
