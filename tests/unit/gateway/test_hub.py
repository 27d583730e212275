import pytest

from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gateway.amqp.broker import Busy, Unroutable
from gateway.ingress.gateway_events import AGAIN_S
from gateway.sweeper import SWEPT_AT_ONCE
from tests.unit.gateway.fakes import Player, Stage


def test_an_ended_connection_is_told_to_the_data_tier(stage: Stage):
    ada = stage.player()
    stage.hub.ended(ada.connection)
    stage.clock.advance(1)
    (lost,) = stage.broker.take("lost")
    (envelope,) = lost.batch
    assert (envelope.player, envelope.session, envelope.conn) == ("ada", ada.connection.session_id, ada.connection.id)


def test_a_connection_that_never_entered_ends_in_silence(stage: Stage):
    stage.hub.ended(Player(stage).connection)
    stage.clock.advance(1)
    assert stage.broker.take() == []


def test_who_is_let_in_after_the_connection_ended_is_reported_as_lost(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    (login,) = stage.broker.take()
    stage.hub.ended(ada.connection)
    assert stage.broker.take("lost") == []
    stage.answer(login, follow=SessionUpdate(session="s1", player="ada"))
    stage.clock.advance(1)
    (lost,) = stage.broker.take("lost")
    assert (lost.batch[0].session, lost.batch[0].conn) == ("s1", ada.connection.id)


@pytest.mark.parametrize("outcome", [Busy, Unroutable])
def test_a_lost_connection_is_reported_until_it_is_taken(stage: Stage, outcome):
    ada = stage.player()
    stage.broker.confirming = False
    stage.hub.ended(ada.connection)
    stage.clock.advance(0)
    (first,) = stage.broker.take("lost")
    first.confirmation.errback(outcome())
    stage.clock.advance(AGAIN_S)
    stage.clock.advance(1)
    (second,) = stage.broker.take("lost")
    assert second.batch == first.batch


def test_a_connection_lost_while_the_broker_is_away_is_reported_later(stage: Stage):
    ada = stage.player()
    stage.falls()
    stage.hub.ended(ada.connection)
    stage.clock.advance(1)
    assert stage.broker.take("lost") == []
    stage.rises()
    assert stage.broker.take("lost")
    assert stage.broker.take("rejoin") == []


def test_a_lost_connection_whose_report_waits_in_a_batch_is_not_forgotten_with_the_broker(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(stage.limits.batches_in_flight_max + 2)]
    for player in players:
        stage.hub.ended(player.connection)
        stage.clock.advance(0)
    first = {envelope.player for task in stage.broker.take("lost") for envelope in task.batch}
    stage.falls()
    stage.rises()
    stage.clock.advance(1)
    then = {envelope.player for task in stage.broker.take("lost") for envelope in task.batch}
    assert first | then == {player.connection.player for player in players}


def test_who_does_not_log_in_is_sent_away():
    stage = Stage(login_timeout_s=30.0)
    idle, ada, waiting = Player(stage), stage.player(), Player(stage)
    waiting.send(type="hello", protocol=1)
    waiting.send(type="login", name="bob", password="a long secret", seq=1)
    stage.clock.advance(31)
    stage.hub.sweep()
    (bye,) = idle.heard("bye")
    assert bye["code"] == "login_timeout"
    assert idle.transport.disconnecting
    assert not ada.transport.disconnecting
    assert not waiting.transport.disconnecting  # it is the server's turn
    stage.answer(*stage.broker.take("login")[-1:], code="bad_login")
    stage.hub.sweep()
    assert waiting.heard("bye")


def test_who_is_silent_for_too_long_is_sent_away():
    stage = Stage(idle_s_max=300.0)
    silent, pinging = stage.player("ada"), stage.player("bob")
    for _ in range(4):
        stage.clock.advance(100)
        pinging.send(type="ping")
        stage.hub.sweep()
    assert [packet["code"] for packet in silent.heard("bye")] == ["idle_timeout"]
    assert silent.transport.disconnecting
    assert not pinging.transport.disconnecting


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_crowd_is_looked_after_in_parts_and_between_them_others_have_their_turn(extra: int):
    stage = Stage(login_timeout_s=30.0, connections_per_address_max=10_000)
    crowd = [Player(stage) for _ in range(2 * SWEPT_AT_ONCE + extra)]
    stage.clock.advance(31)
    stage.hub.sweep()
    *others, leaver = crowd
    leaver.connection.outgoing.mark_gone()
    assert sum(player.connection.protocol.closed for player in crowd) == SWEPT_AT_ONCE
    for _ in range(3):
        stage.clock.advance(0)
    assert all(player.connection.protocol.closed for player in others)
    assert not leaver.connection.protocol.closed


def test_a_sweep_begins_when_the_one_before_has_ended_and_shows_what_it_found_then():
    stage = Stage(connections_per_address_max=10_000)
    players = [stage.player(f"p{n}") for n in range(SWEPT_AT_ONCE + 1)]
    for player in players:
        player.send(type="say", text="anyone?", seq=2)
    stage.hub.sweep()
    stage.hub.sweep()
    assert stage.hub.meters.waiting["chat"] == 0
    stage.clock.advance(0)
    assert stage.hub.meters.waiting["chat"] == len(players)
    stage.hub.sweep()
    stage.clock.advance(0)
    assert stage.hub.meters.waiting["chat"] == len(players)


def test_going_away_is_said_and_what_is_under_way_is_still_answered(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.hub.dismiss()
    assert [packet["code"] for packet in ada.heard("bye")] == ["going_away"]
    assert not ada.transport.disconnecting
    ada.send(type="move", dir="n", seq=3)
    assert not ada.transport.disconnecting
    stage.answer(move)
    assert [packet["re"] for packet in ada.heard("ok")] == [2]
    assert stage.hub.unanswered == 0
    assert stage.broker.take("move") == []


def leaves(stage: Stage, ada: Player) -> None:
    ada.send(type="logout", seq=2)
    (logout,) = stage.broker.take()
    stage.answer(logout, follow=SessionUpdate(close="logged_out"))


def is_sent_away(stage: Stage, ada: Player) -> None:
    stage.hub.dismiss()


def is_sent_away_in_the_middle_of_a_step(stage: Stage, ada: Player) -> None:
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.hub.dismiss()
    stage.answer(move, follow=SessionUpdate(watch={"view": ("zone.town",)}))


@pytest.mark.parametrize("goes", [leaves, is_sent_away, is_sent_away_in_the_middle_of_a_step])
def test_after_the_goodbye_nobody_is_told_what_others_do(stage: Stage, goes):
    ada, bob = stage.player("ada"), stage.player("bob")
    goes(stage, ada)
    assert ada.heard("bye")
    stage.dispatch("zone.town", type="moved", who="x")
    assert ada.heard() == []
    assert bob.heard("moved") if goes is leaves else not bob.heard("moved")


def test_who_neither_reads_nor_speaks_is_gone_in_the_end():
    stage = Stage(idle_s_max=300.0)
    ada = stage.player()
    ada.connection.outgoing.pause()
    stage.clock.advance(301)
    stage.hub.sweep()
    stage.clock.advance(60)
    stage.hub.sweep()
    assert ada.transport.disconnected


def test_who_hung_up_while_returning_to_the_world_leaves_it_again(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    stage.rises()
    (rejoin,) = stage.broker.take("rejoin")
    stage.hub.ended(ada.connection)
    stage.clock.advance(1)
    assert stage.broker.take("lost")  # it may be applied before the rejoin, which then puts ada into the world for good
    follow = SessionUpdate(session=ada.connection.session_id, player="ada", rejoined=True)
    stage.tell(BatchResult(unicasts=[Unicast(conn=ada.connection.id, follow=follow)], done="rejoin"))
    stage.clock.advance(1)
    (again,) = stage.broker.take("lost")
    assert [(e.conn, e.session) for e in again.batch] == [(e.conn, ada.connection.session_id) for e in rejoin.batch]


def test_heartbeats_say_how_many_are_here_and_only_while_the_broker_is(stage: Stage):
    stage.player()
    stage.hub.heartbeat()
    stage.clock.advance(1)
    (heartbeat,) = stage.broker.take("heartbeat")
    assert heartbeat.batch[0].event.sessions == 1
    stage.falls()
    stage.hub.heartbeat()
    stage.clock.advance(1)
    assert stage.broker.take("heartbeat") == []


def test_the_deployment_knows_when_everything_has_been_published(stage: Stage):
    ada = stage.player()
    stage.broker.confirming = False
    stage.hub.ended(ada.connection)
    assert not stage.hub.all_published
    stage.clock.advance(0)
    assert not stage.hub.all_published
    stage.broker.published[-1].confirmation.callback(None)
    assert stage.hub.all_published
