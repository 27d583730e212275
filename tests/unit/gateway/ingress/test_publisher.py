"""What becomes of batches: they are confirmed, refused, uncertain, and repeated; what is in doubt is never refused."""

import pytest

from gameserver.broker.topology import Queues
from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gateway.amqp.broker import Away, Busy, Unroutable
from gateway.ingress.recovery import FULL_AGAIN_S
from tests.unit.gateway.fakes import Player, Published, Stage, sweep_for, unconfirmed


def test_players_share_a_batch_when_their_events_come_together(stage: Stage):
    players = [stage.player(name) for name in ("ada", "bob", "eve")]
    for player in players:
        stage.hub.received(player.connection, b'{"type":"move","dir":"n","seq":2}\n')
    stage.clock.advance(0)
    (task,) = stage.broker.take()
    assert [envelope.player for envelope in task.batch] == ["ada", "bob", "eve"]
    assert sum(stage.hub.meters.of("move").gateway_ms.counts) == 3


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
    stage.clock.advance(0)
    (last_of_town,) = stage.broker.take("move")
    assert (last_of_town.queue, last_of_town.seqs) == ("movement", [3])  # accepted there, and 4 waits for its answer
    stage.answer(of_bob)
    stage.answer(last_of_town)
    stage.clock.advance(0)
    assert [(task.queue, task.seqs) for task in stage.broker.take("move")] == [("movement.1", [4])]


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


def test_what_waited_for_an_open_flight_is_not_lost_with_the_broker(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(stage.limits.batches_in_flight_max + 2)]
    for player in players:
        player.send(type="move", dir="n", seq=2)
        stage.clock.advance(0)
    assert len(stage.broker.take("move")) == stage.limits.batches_in_flight_max
    stage.falls()
    stage.rises()
    found = {envelope.player for task in stage.broker.take("move") for envelope in task.batch}
    assert found == {player.connection.player for player in players}


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


def test_a_refused_batch_and_one_whose_broker_went_away_are_forgotten(stage: Stage):
    stage.rises()
    ada = stage.player()
    task = unconfirmed(stage, ada)
    id_ = task.batch[0].id
    assert [times.task for times in stage.hub.times_of(id_)] == [task.message.task_id]
    task.confirmation.errback(Busy())
    assert stage.hub.times_of(id_) == []
    stage.clock.advance(1)
    ada.send(type="move", dir="n", seq=3)
    (lost,) = stage.broker.take("move")
    stage.falls()
    assert stage.hub.times_of(lost.batch[0].id) == []
