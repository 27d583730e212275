import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.broker.routing import routing_key
from gameserver.broker.topology import Queues
from gameserver.limits import Limits
from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gameserver.modules.movement.events import Look, Move
from gameserver.modules.sessions.events import GATEWAY_SILENT_MS
from gameserver.operations.trace import event_id
from gateway.amqp.broker import Away, Busy, Unroutable
from gateway.connections.lanes import given_up_after_s
from gateway.ingress.batcher import LINGER_S_PER_EVENT, LONG_LINGER_PER_WORK, LONG_LINGER_S
from gateway.ingress.recovery import AGAIN_S, DOUBTED_S, FULL_AGAIN_S
from tests.unit.gateway.fakes import Player, Published, Stage, reply

# From a packet to its reply.


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


def test_players_share_a_batch_when_their_events_come_together(stage: Stage):
    players = [stage.player(name) for name in ("ada", "bob", "eve")]
    for player in players:
        stage.hub.received(player.connection, b'{"type":"move","dir":"n","seq":2}\n')
    stage.clock.advance(0)
    (task,) = stage.broker.take()
    assert [envelope.player for envelope in task.batch] == ["ada", "bob", "eve"]
    assert sum(stage.hub.meters.of("move").gateway_ms.counts) == 3


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


def test_where_a_queue_is_split_each_part_has_batches_of_its_own_and_a_lane_keeps_its_order_across():
    stage = Stage(Queues(split={"movement": 2}))
    ada, bob = stage.player("ada"), stage.player("bob")
    for player, place in ((ada, "town"), (bob, "meadow")):
        stage.tell(BatchResult(unicasts=[Unicast(conn=player.connection.id, follow=SessionUpdate(shard_key=place))]))
        player.send(type="move", dir="n", seq=2)
    of_ada, of_bob = stage.broker.take("move")
    assert (of_ada.queue, of_bob.queue) == ("movement", "movement.1")
    assert [envelope.shard_key for envelope in (*of_ada.batch, *of_bob.batch)] == ["town", "meadow"]
    ada.send(type="move", dir="n", seq=3)
    stage.answer(of_ada, follow=SessionUpdate(shard_key="meadow"))
    ada.send(type="move", dir="n", seq=4)
    stage.clock.advance(LINGER_S_PER_EVENT)
    (last_of_town,) = stage.broker.take("move")
    assert (last_of_town.queue, last_of_town.seqs) == ("movement", [3])  # accepted there, and 4 waits for its answer
    stage.answer(of_bob)
    stage.answer(last_of_town)
    stage.clock.advance(LINGER_S_PER_EVENT)
    assert [(task.queue, task.seqs) for task in stage.broker.take("move")] == [("movement.1", [4])]


@pytest.mark.parametrize(("work_ms", "waits"), [(0.0, False), (0.5, True)])
def test_where_many_come_they_gather_longer_the_longer_a_process_works_on_them(work_ms: float, waits: bool):
    stage = Stage(batch_linger_ms_max=40)
    late, *players = [stage.player(f"p{n}") for n in range(21)]
    for seq in (2, 3):
        stage.clock.advance(1)
        for player in players:
            player.send(type="move", dir="n", seq=seq)
        stage.clock.advance(LINGER_S_PER_EVENT)  # the first goes at once, and the others wait so long for each other
        for task in stage.broker.take("move"):
            stage.answer(task, took_ms=len(task.batch) * work_ms)
    late.send(type="move", dir="n", seq=2)
    stage.clock.advance(LONG_LINGER_S + 0.001)
    assert (stage.broker.take("move") == []) is waits
    stage.clock.advance(len(task.batch) * work_ms / 1000 * LONG_LINGER_PER_WORK)
    assert bool(stage.broker.take("move")) is waits


# Too much.


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


# What the broker says to a publish.


def unconfirmed(stage: Stage, player: Player, count: int = 1):
    stage.broker.confirming = False
    for seq in range(2, 2 + count):
        player.send(type="move", dir="n", seq=seq)
    (task,) = stage.broker.take("move")
    return task


@pytest.mark.parametrize(("outcome", "code"), [(Busy, "busy"), (Unroutable, "unavailable")])
def test_a_refused_publish_is_told_and_the_lane_goes_on(stage: Stage, outcome, code):
    ada = stage.player()
    task = unconfirmed(stage, ada, count=2)
    task.confirmation.errback(outcome())
    stage.clock.advance(0)
    (refusal,) = ada.heard("error")
    assert (refusal["code"], refusal["re"]) == (code, 2)
    stage.clock.advance(1)
    (following,) = stage.broker.take("move")
    assert following.seqs == [3]


@pytest.mark.parametrize("outcome", [Busy, Unroutable])
def test_a_login_that_could_not_be_published_may_be_tried_again(stage: Stage, outcome):
    stage.broker.confirming = False
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    (task,) = stage.broker.take()
    task.confirmation.errback(outcome())
    ada.heard()
    stage.clock.advance(1)
    ada.send(type="login", name="ada", password="a long secret", seq=2)
    assert stage.broker.take("login")


def test_an_uncertain_publish_is_repeated_when_the_broker_is_back(stage: Stage):
    ada = stage.player()
    task = unconfirmed(stage, ada)
    stage.falls()
    task.confirmation.errback(Away())
    assert ada.heard() == []
    stage.rises()
    (again,) = stage.broker.take("move")
    assert again.batch == task.batch


def test_an_uncertain_publish_is_repeated_though_the_broker_never_went_away(stage: Stage):
    ada = stage.player()
    task = unconfirmed(stage, ada)
    task.confirmation.errback(Away())
    sweep_for(stage, 2)
    (again,) = stage.broker.take("move")
    assert again.batch == task.batch
    stage.answer(again)
    stage.answer(again)
    assert len(ada.heard("ok")) == 1


def test_while_the_broker_is_away_events_wait_and_then_go_in_order(stage: Stage):
    ada = stage.player()
    stage.falls()
    for seq in (2, 3, 4):
        ada.send(type="move", dir="n", seq=seq)
    assert stage.broker.take() == []
    stage.rises()
    (task,) = stage.broker.take("move")
    assert task.seqs == [2, 3, 4]


def test_what_waited_for_an_open_flight_is_not_lost_with_the_broker(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(stage.limits.batches_in_flight_max + 2)]
    for player in players:
        player.send(type="move", dir="n", seq=2)
        stage.clock.advance(LINGER_S_PER_EVENT)
    assert len(stage.broker.take("move")) == stage.limits.batches_in_flight_max
    stage.falls()
    stage.rises()
    found = {envelope.player for task in stage.broker.take("move") for envelope in task.batch}
    assert found == {player.connection.player for player in players}


def test_clients_that_come_before_the_broker_are_served_when_it_is_there():
    stage = Stage()
    stage.broker.up = False
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    assert [packet["type"] for packet in ada.heard()] == ["welcome"]
    stage.rises()
    assert stage.broker.take("login")
    assert stage.broker.take("rejoin") == []


# The way back into the world.


def test_everyone_who_plays_rejoins_when_the_broker_is_back(stage: Stage):
    stage.rises()
    stage.broker.take()
    ada = stage.player()
    Player(stage)
    stage.falls()
    stage.broker.bound.clear()
    stage.rises()
    (rejoin,) = stage.broker.take("rejoin")
    assert [envelope.conn for envelope in rejoin.batch] == [ada.connection.id]
    assert stage.broker.bound == [f"+{routing_key('zone.town')}"]


def test_what_is_unanswered_waits_for_its_player_to_be_in_the_world_again(stage: Stage):
    stage.rises()
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    assert stage.broker.take("move")
    stage.falls()
    ada.send(type="say", text="still here", seq=3)
    stage.rises()
    ada.send(type="move", dir="n", seq=4)
    stage.clock.advance(1)
    assert stage.broker.take("move", "say") == []
    stage.let_back()
    stage.clock.advance(1)
    assert [task.seqs for task in stage.broker.take("move", "say")] == [[2], [3]]


def test_who_is_not_in_the_world_though_connected_returns_and_does_it_then(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take("move")
    (envelope,) = task.batch
    refused = msgspec.structs.replace(reply(envelope.conn, envelope.event, code="not_here"), not_now=True)
    stage.tell(BatchResult(unicasts=[refused, refused], done="move", task=task.message.task_id))
    assert ada.heard("error") == []
    stage.let_back()
    stage.clock.advance(1)
    (again,) = stage.broker.take("move")
    stage.answer(again)
    assert [packet["re"] for packet in ada.heard("ok", "error")] == [2]


@pytest.mark.parametrize(("silent_s", "returns"), [(DOUBTED_S + 1, True), (DOUBTED_S - 1, False)])
def test_everyone_returns_to_the_world_after_a_gateway_was_not_heard_of_for_long(silent_s: float, returns: bool):
    stage = Stage()
    stage.rises()
    stage.player()
    for pause_s in (1, silent_s):
        stage.clock.advance(pause_s)
        stage.hub.heartbeat()
        stage.clock.advance(0)
        (beat,) = stage.broker.take("heartbeat")[-1:]
        assert stage.broker.take("rejoin") == []
        stage.tell(BatchResult(done=beat.name, task=beat.message.task_id))
    assert bool(stage.broker.take("rejoin")) is returns


def test_it_does_not_wait_for_ever(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    ada.send(type="say", text="still here", seq=2)
    stage.rises()
    stage.clock.advance(stage.limits.unavailable_after_s + 0.1)
    stage.hub.sweep()
    stage.clock.advance(0)
    assert [task.seqs for task in stage.broker.take("say")] == [[2]]


def test_who_returns_is_not_let_in_anew(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    stage.rises()
    stage.let_back()
    assert ada.heard("token") == []
    assert ada.connection.playing


def test_a_slow_return_is_asked_for_once(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    ada.send(type="say", text="still here", seq=2)
    stage.rises()
    for _ in range(5):
        stage.clock.advance(stage.limits.unavailable_after_s + 0.1)
        stage.hub.sweep()
        stage.clock.advance(1)
        for task in stage.broker.take("say"):
            (envelope,) = task.batch
            refused = msgspec.structs.replace(reply(envelope.conn, envelope.event, code="not_here"), not_now=True)
            stage.tell(BatchResult(unicasts=[refused], done="say", task=task.message.task_id))
    assert len(stage.broker.take("rejoin")) == 1
    assert ada.heard("error") == []


def test_a_return_that_the_queue_refuses_is_asked_for_again(stage: Stage):
    stage.rises()
    stage.player()
    stage.falls()
    stage.broker.confirming = False
    stage.rises()
    (refused,) = stage.broker.take("rejoin")
    refused.confirmation.errback(Busy())
    stage.clock.advance(AGAIN_S)
    stage.clock.advance(1)
    assert [task.batch for task in stage.broker.take("rejoin")] == [refused.batch]


def test_slow_heartbeats_make_players_return_once_in_a_while_and_not_with_each_of_them():
    stage = Stage()
    stage.rises()
    stage.player()
    under_way, returns = [], 0
    for second in range(60):
        stage.clock.advance(1)
        if second % 3 == 0:
            stage.hub.heartbeat()
            stage.clock.advance(0)
            under_way += [(second, beat) for beat in stage.broker.take("heartbeat")]
        for sent, beat in [each for each in under_way if second - each[0] >= 11]:
            under_way.remove((sent, beat))
            stage.tell(BatchResult(done=beat.name, task=beat.message.task_id))
        returns += len(stage.broker.take("rejoin"))
        stage.let_back()
    assert 1 <= returns <= 60 * 1000 / GATEWAY_SILENT_MS


# Families without workers.


def sweep_for(stage: Stage, seconds: int) -> None:
    for _ in range(seconds):
        stage.clock.advance(1)
        stage.hub.sweep()
    stage.clock.advance(0)  # what the last one found goes with this turn of the reactor


def test_a_family_without_workers_is_told_of_and_refused_at_the_door_until_it_is_back(stage: Stage):
    ada = stage.player()
    for seq in (2, 3):
        ada.send(type="say", text="hello", seq=seq)
    (say,) = stage.broker.take("say")
    sweep_for(stage, 7)
    assert [(p["type"], p.get("re", 0)) for p in ada.heard()] == [("unavailable", 0), ("error", 3)]
    (probe,) = stage.broker.take("say")
    assert probe.seqs == [2]
    ada.send(type="say", text="still there?", seq=4)
    assert [(p["code"], p["re"]) for p in ada.heard()] == [("unavailable", 4)]
    assert stage.broker.take("say") == []
    assert stage.hub.unanswered == 1
    stage.answer(say)
    assert [(p["type"], p.get("back", False)) for p in ada.heard()] == [("unavailable", True), ("ok", False)]
    ada.send(type="say", text="there you are", seq=5)
    assert stage.broker.take("say")


def test_a_family_without_workers_leaves_the_others_alone(stage: Stage):
    ada = stage.player()
    ada.send(type="say", text="hello", seq=2)
    sweep_for(stage, 7)
    ada.heard()
    ada.send(type="move", dir="n", seq=3)
    assert stage.broker.take("move")


def test_a_question_that_nobody_answers_is_given_up_and_what_would_have_an_effect_is_not(stage: Stage):
    ada, bob = stage.player("ada"), stage.player("bob")
    ada.send(type="look", seq=2)
    bob.send(type="move", dir="n", seq=2)
    sweep_for(stage, int(given_up_after_s(Look.spec)) + 2)
    assert [p["code"] for p in ada.heard("error")] == ["unavailable"]
    assert bob.heard("error", "ok") == []
    assert stage.hub.unanswered == 1
    stage.answer(stage.broker.take("move")[0], code="stale")  # a process says so, and moves the watermark
    assert [p["code"] for p in bob.heard("error")] == ["stale"]


@pytest.mark.parametrize(
    ("packet", "after_s"),
    [
        ({"type": "say", "text": "hello"}, Limits().republish_after_s),
        ({"type": "move", "dir": "n"}, given_up_after_s(Move.spec)),
    ],
)
def test_an_answer_that_must_have_been_lost_is_asked_for_again(stage: Stage, packet, after_s: float):
    ada = stage.player()
    ada.send(**packet, seq=2)
    (first,) = stage.broker.take(packet["type"])
    while stage.clock.seconds() <= after_s - 1:
        sweep_for(stage, 1)
        stage.tell(BatchResult(done=packet["type"], task="somebody else's"))
        assert stage.broker.take(packet["type"]) == []
    sweep_for(stage, 3)
    (second,) = stage.broker.take(packet["type"])
    assert second.batch == first.batch
    stage.answer(second)
    stage.answer(first)
    assert len(ada.heard("ok")) == 1


def test_a_lost_batch_is_published_again_as_another_task_and_its_family_is_not_condemned(stage: Stage):
    ada = stage.player()
    ada.send(type="say", text="hello", seq=2)
    (revoked,) = stage.broker.take("say")
    sweep_for(stage, 3)
    (probe,) = stage.broker.take("say")
    assert probe.batch == revoked.batch
    assert probe.message.task_id != revoked.message.task_id
    assert event_id(probe.message.task_id) == event_id(revoked.message.task_id) == probe.batch[0].id
    stage.answer(probe)
    sweep_for(stage, 10)
    assert [p["type"] for p in ada.heard()] == ["ok"]


def test_of_a_family_that_is_down_one_batch_is_asked_again_and_not_all(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(5)]
    for player in players:
        player.send(type="say", text="hello", seq=2)
        stage.clock.advance(1)
    first = stage.broker.take("say")
    sweep_for(stage, 8)
    probes = stage.broker.take("say")
    sweep_for(stage, 200)
    probes += stage.broker.take("say")
    assert len(probes) <= 200 / stage.limits.unavailable_after_s
    assert {each.batch[0].player for each in probes} == {first[0].batch[0].player}
    stage.answer(probes[-1])
    sweep_for(stage, int(stage.limits.unavailable_after_s) + 2)  # it is back, and what it does not answer was lost
    assert {e.player for each in stage.broker.take("say") for e in each.batch} == {
        p.connection.player for p in players[1:]
    }


def test_a_family_that_fell_is_tried_again_even_if_what_it_owes_is_never_answered(stage: Stage):
    bob, ada = stage.player("bob"), stage.player("ada")
    bob.send(type="say", text="rejected, or lost", seq=2)
    sweep_for(stage, 7)
    stage.hub.ended(bob.connection)
    sweep_for(stage, 240)
    ada.send(type="say", text="hello?", seq=2)
    stage.broker.take("say")
    ada.heard()
    ada.send(type="say", text="hello??", seq=3)
    assert not ada.heard("error")


# In doubt: what may be in the queue is never refused.


def full_queue(stage: Stage, player: Player) -> Published:
    """The first copy of an event is in the queue; the second was refused, because the queue is full."""
    player.send(type="give", to="bob", coins=10, seq=2)
    (first,) = stage.broker.take("give")
    stage.broker.confirming = False
    sweep_for(stage, 3)
    (second,) = stage.broker.take("give")
    second.confirmation.errback(Busy())
    return first


@pytest.mark.parametrize("refusal", [Busy, Unroutable])
def test_a_refused_second_copy_is_no_answer_and_is_published_again(stage: Stage, refusal):
    ada = stage.player()
    first = full_queue(stage, ada)
    assert ada.heard("error") == []
    sweep_for(stage, int(FULL_AGAIN_S) + 2)
    again = stage.broker.take("give")
    assert again
    assert all(task.seqs == [2] for task in again)
    again[-1].confirmation.errback(refusal())
    assert ada.heard("error") == []
    stage.answer(first)
    assert [p["re"] for p in ada.heard("ok")] == [2]
    assert stage.hub.unanswered == 0


def test_a_refused_copy_is_no_answer_while_another_one_is_not_confirmed(stage: Stage):
    ada = stage.player()
    stage.broker.confirming = False
    ada.send(type="give", to="bob", coins=10, seq=2)
    (first,) = stage.broker.take("give")
    sweep_for(stage, 3)
    (second,) = stage.broker.take("give")
    second.confirmation.errback(Busy())
    assert ada.heard("error") == []
    first.confirmation.errback(Busy())
    assert [(p["code"], p["re"]) for p in ada.heard("error")] == [("busy", 2)]
    assert stage.hub.unanswered == 0


def test_what_went_before_the_broker_broke_is_in_doubt_and_what_waited_for_its_batch_is_not():
    stage = Stage(batches_in_flight_max=1)
    stage.rises()
    ada, bob = stage.player("ada"), stage.player("bob")
    for player in (ada, bob):
        player.send(type="say", text="hello", seq=2)
    assert len(stage.broker.take("say")) == 1
    stage.falls()
    stage.broker.confirming = False
    stage.rises()
    stage.let_back()
    stage.clock.advance(1)
    for task in stage.broker.take("say"):
        task.confirmation.errback(Busy())
    stage.clock.advance(1)
    for task in stage.broker.take("say"):
        task.confirmation.errback(Busy())
    assert ada.heard("error") == []
    assert [(p["code"], p["re"]) for p in bob.heard("error")] == [("busy", 2)]


def test_an_uncertain_publish_is_in_doubt(stage: Stage):
    ada = stage.player()
    task = unconfirmed(stage, ada)
    task.confirmation.errback(Away())
    sweep_for(stage, 2)
    (again,) = stage.broker.take("move")
    again.confirmation.errback(Busy())
    assert ada.heard("error") == []
    assert stage.hub.unanswered == 1


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


def test_what_is_put_off_holds_its_lane_also_when_its_connection_was_told_goodbye(stage: Stage):
    """An error would let the lane go on, and what the client then sends again would count as done before."""
    ada = stage.player()
    for seq in (2, 3):
        ada.send(type="say", text="hello", seq=seq)
    (task,) = stage.broker.take("say")
    stage.hub.dismiss()
    (envelope,) = task.batch
    refused = msgspec.structs.replace(reply(envelope.conn, envelope.event, code="not_here"), not_now=True)
    stage.tell(BatchResult(unicasts=[refused], done="say", task=task.message.task_id))
    stage.clock.advance(1)
    assert ada.heard("error") == []
    assert stage.broker.take("say") == []


def test_who_is_gone_is_not_made_to_return(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    stage.broker.confirming = False
    stage.rises()
    (refused,) = stage.broker.take("rejoin")
    stage.hub.ended(ada.connection)
    refused.confirmation.errback(Busy())
    stage.clock.advance(AGAIN_S)
    stage.clock.advance(1)
    assert stage.broker.take("rejoin") == []


def test_a_refused_batch_and_one_whose_broker_went_away_are_forgotten(stage: Stage):
    stage.rises()
    ada = stage.player()
    task = unconfirmed(stage, ada)
    id_ = task.batch[0].id
    assert [batch.task_id for batch in stage.hub.batches_of(id_)] == [task.message.task_id]
    task.confirmation.errback(Busy())
    assert stage.hub.batches_of(id_) == []
    stage.clock.advance(1)
    ada.send(type="move", dir="n", seq=3)
    (lost,) = stage.broker.take("move")
    stage.falls()
    assert stage.hub.batches_of(lost.batch[0].id) == []


# Whatever happens.


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "move",
                "say",
                "attack",
                "answer",
                "busy",
                "applied, and then the broker falls",
                "falls",
                "rises",
                "let back",
                "sweeps",
            ]
        ),
        max_size=50,
    )
)
def test_whatever_happens_every_accepted_event_is_answered_once_and_lanes_keep_their_order(steps):
    stage = Stage()
    stage.rises()
    ada = stage.player()
    stage.broker.confirming = False
    packets = {"move": {"dir": "n"}, "say": {"text": "x"}, "attack": {"target": "rat"}}
    lanes = {"move": "act", "attack": "act", "say": "talk"}
    seq, sent, replies = 1, {}, []
    uncertain = []  # copies of which nobody knows whether they are in the queue

    def flight():
        return [task for task in stage.broker.published if task.name in packets]

    def fall():
        stage.falls()
        for task in stage.broker.take(*packets):
            uncertain.append(task)
            task.confirmation.errback(Away())

    def hear():
        """What is refused has no copy anywhere that could still be applied."""
        heard = ada.heard("ok", "error")
        copies = {seq for task in (*uncertain, *flight()) for seq in task.seqs}
        assert not copies & {packet["re"] for packet in heard if packet["type"] == "error"}
        replies.extend(heard)

    for step in [*steps, "rises"]:
        if step in packets:
            seq += 1
            sent[seq] = step
            ada.send(type=step, seq=seq, **packets[step])
        elif step == "falls" and stage.broker.up:
            fall()
        elif step == "rises" and not stage.broker.up:
            stage.rises()
        elif step == "let back":
            stage.let_back()
        elif step in ("answer", "busy") and flight():
            task = flight()[0]
            stage.broker.published.remove(task)
            if step == "busy":
                task.confirmation.errback(Busy())
            else:
                stage.answer(task)
                task.confirmation.callback(None)
        elif step == "applied, and then the broker falls" and flight():
            task = flight()[0]
            fall()
            stage.rises()
            stage.answer(task)
        elif step == "sweeps":
            sweep_for(stage, 12)
        stage.clock.advance(1)
        hear()
    for _ in range(200):
        stage.let_back()
        for task in flight():
            stage.broker.published.remove(task)
            stage.answer(task)
        sweep_for(stage, 1)
    hear()
    assert sorted(packet["re"] for packet in replies) == sorted(sent)
    assert stage.hub.unanswered == 0
    for lane in ("act", "talk"):
        done = [packet["re"] for packet in replies if packet["type"] == "ok" and lanes[sent[packet["re"]]] == lane]
        assert done == sorted(done)
