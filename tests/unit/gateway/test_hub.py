import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.events.envelope import Direct, Dispatch, Follow, Outbound
from gameserver.events.movement import Move
from gameserver.events.sessions import GATEWAY_SILENT_MS
from gameserver.topology import Queues
from gameserver.wire.codecs import msgpack_codec
from gameserver.wire.frames import prefix
from gateway.batches import GAP_S_PER_EVENT
from gateway.broker import Away, Busy, Unroutable
from gateway.digests import CROWDED, WAIT_S_PER_WATCHER
from gateway.inward import AGAIN_S, DOUBTED_MS
from gateway.outward import MAILED_AGE_S, by_audience
from tests.unit.gateway.fakes import Player, Stage, reply


@pytest.fixture
def stage() -> Stage:
    return Stage()


def told(**packet) -> bytes:
    return msgspec.msgpack.encode(packet)


# From a packet to its reply.


def test_an_event_is_published_to_its_familys_queue_with_who_sent_it(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take()
    assert task.queue == "movement"
    assert task.message.headers["task"] == "movement.move"
    assert task.message.headers["argsrepr"] == "ada move dir='n'"
    (envelope,) = task.batch
    assert (envelope.player, envelope.conn, envelope.gateway) == ("ada", ada.session.conn, "g1")
    assert envelope.session == ada.session.session
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
        stage.hub.received(player.session, b'{"type":"move","dir":"n","seq":2}\n')
    stage.clock.advance(0)
    (task,) = stage.broker.take()
    assert [envelope.player for envelope in task.batch] == ["ada", "bob", "eve"]
    assert sum(stage.hub.meters.of("move").gateway_ms.counts) == 3


def test_a_second_reply_to_the_same_event_is_dropped(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take()
    follow = Follow(watch={"view": ("zone.elsewhere",)})
    stage.answer(task)
    stage.answer(task, code="wall", follow=follow)
    assert [packet["type"] for packet in ada.heard()] == ["ok"]
    assert "+zone.elsewhere" not in stage.broker.bound
    assert stage.hub.unanswered == 0


def test_passwords_and_tokens_leave_the_gateway_sealed_or_hashed(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="my own secret", seq=1)
    (task,) = stage.broker.take()
    everything = task.message.body + json.dumps(task.message.headers).encode()
    assert b"my own secret" not in everything
    assert ada.session.token.encode() not in everything
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
    stage.hub.ended(ada.session)
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
    stage.clock.advance(AGAIN_S)
    stage.clock.advance(0)
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
    assert task.seqs == [2]
    stage.answer(task)
    stage.clock.advance(GAP_S_PER_EVENT)
    (rest,) = stage.broker.take("move")
    assert rest.seqs == [3, 4]


def test_what_waited_for_an_open_flight_is_not_lost_with_the_broker(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(stage.limits.batches_flight_max + 2)]
    for player in players:
        player.send(type="move", dir="n", seq=2)
        stage.clock.advance(GAP_S_PER_EVENT)
    assert len(stage.broker.take("move")) == stage.limits.batches_flight_max
    stage.falls()
    stage.rises()
    found = {envelope.player for task in stage.broker.take("move") for envelope in task.batch}
    assert found == {player.session.player for player in players}


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


def test_everyone_who_plays_rejoins_when_the_broker_is_back(stage: Stage):
    stage.rises()
    stage.broker.take()
    ada = stage.player()
    Player(stage)
    stage.falls()
    stage.broker.bound.clear()
    stage.rises()
    (rejoin,) = stage.broker.take("rejoin")
    assert [envelope.conn for envelope in rejoin.batch] == [ada.session.conn]
    assert stage.broker.bound == ["+zone.town"]


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
    stage.tell(Outbound(directs=[refused, refused], done="move", task=task.message.task_id))
    assert ada.heard("error") == []
    stage.let_back()
    stage.clock.advance(1)
    (again,) = stage.broker.take("move")
    stage.answer(again)
    assert [packet["re"] for packet in ada.heard("ok", "error")] == [2]


@pytest.mark.parametrize(("silent_s", "returns"), [(DOUBTED_MS / 1000 + 1, True), (DOUBTED_MS / 1000 - 1, False)])
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
        stage.tell(Outbound(done=beat.name, task=beat.message.task_id))
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

    def flight():
        return [task for task in stage.broker.published if task.name in packets]

    def fall():
        stage.falls()
        for task in stage.broker.take(*packets):
            task.confirmation.errback(Away())

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
        stage.clock.advance(1)
        replies += ada.heard("ok", "error")
    for _ in range(200):
        stage.let_back()
        for task in flight():
            stage.broker.published.remove(task)
            stage.answer(task)
        stage.clock.advance(1)
    replies += ada.heard("ok", "error")
    assert sorted(packet["re"] for packet in replies) == sorted(sent)
    assert stage.hub.unanswered == 0
    for lane in ("act", "talk"):
        done = [packet["re"] for packet in replies if packet["type"] == "ok" and lanes[sent[packet["re"]]] == lane]
        assert done == sorted(done)


# What processes tell.


def test_a_dispatch_reaches_who_watches_and_nobody_else(stage: Stage):
    ada = stage.player("ada", watch=("zone.a/0.0",))
    bob = stage.player("bob", watch=("zone.a/0.0", "zone.a/0.1"))
    eve = stage.player("eve", watch=("zone.b/0.0",))
    stage.dispatch("zone.a/0.0", unless=("zone.a/0.1",), type="moved", who="x")
    assert [packet["type"] for packet in ada.heard()] == ["moved"]
    assert bob.heard() == []
    assert eve.heard() == []


def test_each_hears_what_others_do_in_their_own_way_of_speaking(stage: Stage):
    ada, bob, eve = [stage.player(name) for name in ("ada", "bob", "eve")]
    bob.session.listens = msgpack_codec()
    before = len(bob.transport.value())
    stage.dispatch("zone.town", type="moved", who="x")
    assert ada.heard() == eve.heard() == [{"type": "moved", "who": "x"}]
    assert bob.transport.value()[before:] == prefix(msgspec.msgpack.encode({"type": "moved", "who": "x"}))


HERE, THERE = "zone.town/0.0", "zone.town/0.1"


def crowd(stage: Stage, watchers: int) -> tuple[Player, Player]:
    """So many watch two cells, all but one from the second of them. Returns that one and one of the others."""
    near = stage.player("near", watch=(HERE, THERE), here=HERE)
    far = [stage.player(f"p{n}", watch=(HERE, THERE), here=THERE) for n in range(watchers - 1)]
    return near, far[-1]


def walks(stage: Stage, who: str, v: int) -> None:
    stage.dispatch(HERE, latest=f"moved/{who}", type="moved", who=who, v=v)


def steps(player: Player) -> list[tuple[str, int]]:
    return [(packet["who"], packet["v"]) for packet in player.heard("moved")]


def test_a_crowd_hears_now_and_then_where_those_farther_away_are_and_those_nearby_hear_each_step(stage: Stage):
    near, far = crowd(stage, 4 * CROWDED)
    for v in (1, 2):
        walks(stage, "ada", v)
        walks(stage, "bob", v)
    assert steps(near) == [("ada", 1), ("bob", 1), ("ada", 2), ("bob", 2)]
    assert steps(far) == []
    stage.clock.advance(4 * CROWDED * WAIT_S_PER_WATCHER)
    assert steps(far) == [("ada", 2), ("bob", 2)]
    assert steps(near) == []
    walks(stage, "ada", 3)
    stage.clock.advance(4 * CROWDED * WAIT_S_PER_WATCHER)
    assert steps(far) == [("ada", 3)]


def test_nothing_is_kept_back_where_few_watch(stage: Stage):
    _, far = crowd(stage, CROWDED)
    walks(stage, "ada", 1)
    walks(stage, "ada", 2)
    assert steps(far) == [("ada", 1), ("ada", 2)]


def test_a_crowd_hears_at_once_what_matters_by_itself(stage: Stage):
    near, far = crowd(stage, CROWDED + 1)
    stage.dispatch(HERE, type="died", who="ada")
    assert near.heard("died") == far.heard("died") == [{"type": "died", "who": "ada"}]


def test_a_crowd_waits_no_longer_than_the_window():
    stage = Stage(view_window_ms_max=20, far_window_ms_max=30)
    _, far = crowd(stage, CROWDED + 1)
    walks(stage, "ada", 1)
    stage.clock.advance(0.03)
    assert steps(far) == [("ada", 1)]


def test_the_wait_grows_with_a_crowd_that_never_stops_walking(stage: Stage):
    _, far = crowd(stage, CROWDED + 1)
    for n in range(CROWDED):
        stage.player(f"more{n}", watch=(HERE, THERE), here=THERE)  # which takes less than the wait
        walks(stage, "ada" if n % 2 else "bob", n)
    far.heard()
    seen = []
    for v in range(CROWDED, CROWDED + 160):  # eighty steps of each in four seconds
        walks(stage, "ada" if v % 2 else "bob", v)
        stage.clock.advance(0.025)
        seen += far.written("moved")
    assert 2 <= len(seen) <= 2 * (1 + 4 / (2 * CROWDED * WAIT_S_PER_WATCHER))


def test_who_came_nearby_meanwhile_has_looked_and_hears_no_digest(stage: Stage):
    _, far = crowd(stage, CROWDED + 1)
    walks(stage, "ada", 1)
    stage.tell(Outbound(directs=[Direct(conn=far.session.conn, follow=Follow(here=HERE))]))
    stage.clock.advance(1)
    assert steps(far) == []
    walks(stage, "ada", 2)
    assert steps(far) == [("ada", 2)]


def test_a_reply_does_not_wait_for_the_views_window_and_takes_along_what_does(stage: Stage):
    ada, bob, *_ = [stage.player(f"p{n}") for n in range(10)]
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take("move")
    stage.dispatch("zone.town", type="moved", n=1)
    stage.dispatch("zone.town", type="moved", n=2)
    stage.clock.advance(0.0005)
    stage.answer(move)
    assert [packet.get("n") or packet["type"] for packet in ada.written()] == [1, 2, "ok"]
    assert [packet["n"] for packet in bob.written()] == [1]
    stage.clock.advance(0.001)
    assert [packet["n"] for packet in bob.written()] == [2]


def test_a_durable_dispatch_is_told_once(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    for _ in range(2):
        stage.dispatch("zone.a", id_="1/0", type="heard", text="once")
    assert len(ada.heard("heard")) == 1


def test_a_durable_notice_is_told_once_per_connection(stage: Stage):
    ada, bob = stage.player("ada"), stage.player("bob")
    for player in (ada, ada, bob):
        direct = Direct(conn=player.session.conn, packet=told(type="heard", id="n1"), id="n1")
        stage.tell(Outbound(directs=[direct]))
    assert len(ada.heard("heard")) == 1
    assert len(bob.heard("heard")) == 1


def test_a_durable_notice_that_comes_again_much_later_was_not_acknowledged_and_is_told_again(stage: Stage):
    ada = stage.player()
    direct = Direct(conn=ada.session.conn, packet=told(type="heard", id="n1"), id="n1")
    stage.tell(Outbound(directs=[direct]))
    stage.clock.advance(MAILED_AGE_S)
    stage.tell(Outbound(directs=[direct]))
    assert len(ada.heard("heard")) == 2


def test_what_is_told_to_connections_of_others_is_passed_over(stage: Stage):
    stage.tell(Outbound(directs=[Direct(conn="elsewhere", packet=told(type="heard"), re=4, lane="talk")]))
    assert stage.broker.take() == []


def test_a_slow_reader_misses_what_others_do_and_then_sees_the_present():
    stage = Stage(frame_bytes_max=64, write_buffer_soft_bytes=200, write_buffer_bytes_max=10_000)
    ada = stage.player(watch=("zone.a",))
    ada.session.pause()
    for n in range(50):
        stage.dispatch("zone.a", type="moved", who="someone", n=n)
    assert ada.heard() == []
    stage.hub.reads_again(ada.session)
    assert 1 < len(ada.heard("moved")) < 50
    stage.clock.advance(1)
    assert stage.broker.take("look")
    stage.hub.reads_again(ada.session)
    stage.clock.advance(1)
    assert stage.broker.take("look") == []


# What the gateway has to do for a connection.


def test_who_is_let_in_is_given_a_token_before_the_reply(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    (login,) = stage.broker.take()
    stage.answer(login, follow=Follow(session="s1", player="ada", watch={"view": ("zone.a",)}, then="look"))
    assert [packet["type"] for packet in ada.heard()] == ["welcome", "token", "ok"]


def test_the_world_is_looked_at_when_the_queue_is_bound_and_not_before(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.broker.binding = False
    stage.broker.bound.clear()
    stage.answer(move, follow=Follow(watch={"view": ("zone.b",)}, then="look"))
    assert stage.broker.bound == ["+zone.b", "-zone.a"]
    assert stage.broker.take("look") == []
    stage.broker.unconfirmed.pop().callback(None)
    stage.clock.advance(1)
    assert stage.broker.take("look")


def test_who_left_before_the_queue_was_bound_does_not_look(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.broker.binding = False
    stage.answer(move, follow=Follow(watch={"view": ("zone.b",)}, then="look"))
    stage.hub.ended(ada.session)
    stage.broker.unconfirmed.pop().callback(None)
    stage.clock.advance(1)
    assert stage.broker.take("look") == []


def test_a_connection_that_was_taken_over_is_told_so_and_closed(stage: Stage):
    ada = stage.player()
    stage.tell(Outbound(directs=[Direct(conn=ada.session.conn, follow=Follow(close="taken_over"))]))
    (bye,) = ada.heard()
    assert (bye["type"], bye["code"]) == ("bye", "taken_over")
    assert ada.transport.disconnecting


def test_a_logout_is_answered_and_then_the_connection_closes(stage: Stage):
    ada = stage.player()
    ada.send(type="logout", seq=2)
    (logout,) = stage.broker.take()
    stage.answer(logout, follow=Follow(close="logged_out"))
    assert [packet["type"] for packet in ada.heard()] == ["ok", "bye"]
    assert ada.transport.disconnecting


def test_the_queue_is_unbound_when_the_last_watcher_is_gone(stage: Stage):
    ada, bob = stage.player("ada", watch=("zone.a",)), stage.player("bob", watch=("zone.a",))
    stage.broker.bound.clear()
    stage.hub.ended(ada.session)
    assert stage.broker.bound == []
    stage.hub.ended(bob.session)
    assert stage.broker.bound == ["-zone.a"]


# Ends of connections.


def test_an_ended_connection_is_told_to_the_data_tier(stage: Stage):
    ada = stage.player()
    stage.hub.ended(ada.session)
    stage.clock.advance(1)
    (lost,) = stage.broker.take("lost")
    (envelope,) = lost.batch
    assert (envelope.player, envelope.session, envelope.conn) == ("ada", ada.session.session, ada.session.conn)


def test_a_connection_that_never_entered_ends_in_silence(stage: Stage):
    stage.hub.ended(Player(stage).session)
    stage.clock.advance(1)
    assert stage.broker.take() == []


def test_who_is_let_in_after_the_connection_ended_is_reported_as_lost(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    (login,) = stage.broker.take()
    stage.hub.ended(ada.session)
    assert stage.broker.take("lost") == []
    stage.answer(login, follow=Follow(session="s1", player="ada"))
    stage.clock.advance(1)
    (lost,) = stage.broker.take("lost")
    assert (lost.batch[0].session, lost.batch[0].conn) == ("s1", ada.session.conn)


@pytest.mark.parametrize("outcome", [Busy, Unroutable])
def test_a_lost_connection_is_reported_until_it_is_taken(stage: Stage, outcome):
    ada = stage.player()
    stage.broker.confirming = False
    stage.hub.ended(ada.session)
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
    stage.hub.ended(ada.session)
    stage.clock.advance(1)
    assert stage.broker.take("lost") == []
    stage.rises()
    assert stage.broker.take("lost")
    assert stage.broker.take("rejoin") == []


def test_a_lost_connection_whose_report_waits_in_a_batch_is_not_forgotten_with_the_broker(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(stage.limits.batches_flight_max + 2)]
    for player in players:
        stage.hub.ended(player.session)
        stage.clock.advance(0)
    first = {envelope.player for task in stage.broker.take("lost") for envelope in task.batch}
    stage.falls()
    stage.rises()
    stage.clock.advance(1)
    then = {envelope.player for task in stage.broker.take("lost") for envelope in task.batch}
    assert first | then == {player.session.player for player in players}


def test_who_does_not_log_in_is_sent_away():
    stage = Stage(login_s_max=30.0)
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
    stage.answer(logout, follow=Follow(close="logged_out"))


def is_sent_away(stage: Stage, ada: Player) -> None:
    stage.hub.dismiss()


def is_sent_away_in_the_middle_of_a_step(stage: Stage, ada: Player) -> None:
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.hub.dismiss()
    stage.answer(move, follow=Follow(watch={"view": ("zone.town",)}))


@pytest.mark.parametrize("goes", [leaves, is_sent_away, is_sent_away_in_the_middle_of_a_step])
def test_after_the_goodbye_nobody_is_told_what_others_do(stage: Stage, goes):
    ada, bob = stage.player("ada"), stage.player("bob")
    goes(stage, ada)
    assert ada.heard("bye")
    stage.dispatch("zone.town", type="moved", who="x")
    assert ada.heard() == []
    assert bob.heard("moved") if goes is leaves else not bob.heard("moved")


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


def test_the_house_knows_when_everything_has_been_published(stage: Stage):
    ada = stage.player()
    stage.broker.confirming = False
    stage.hub.ended(ada.session)
    assert not stage.hub.all_published
    stage.clock.advance(0)
    assert not stage.hub.all_published
    stage.broker.published[-1].confirmation.callback(None)
    assert stage.hub.all_published


def test_a_fast_reader_misses_nothing_however_much_comes_at_once():
    stage = Stage(frame_bytes_max=64, write_buffer_soft_bytes=200, write_buffer_bytes_max=10_000)
    ada = stage.player(watch=("zone.a",))
    packet = told(type="moved", who="someone")
    stage.tell(Outbound(dispatches=[Dispatch(to=("zone.a",), packet=packet) for _ in range(50)]))
    assert len(ada.heard("moved")) == 50


def test_who_neither_reads_nor_speaks_is_gone_in_the_end():
    stage = Stage(idle_s_max=300.0)
    ada = stage.player()
    ada.session.pause()
    stage.clock.advance(301)
    stage.hub.sweep()
    stage.clock.advance(60)
    stage.hub.sweep()
    assert ada.transport.disconnected


# Families without workers.


def sweep_for(stage: Stage, seconds: int) -> None:
    for _ in range(seconds):
        stage.clock.advance(1)
        stage.hub.sweep()


def test_a_family_without_workers_is_told_of_and_refused_at_the_door_until_it_is_back(stage: Stage):
    ada = stage.player()
    for seq in (2, 3):
        ada.send(type="say", text="hello", seq=seq)
    (say,) = stage.broker.take("say")
    sweep_for(stage, 7)
    assert [(p["type"], p.get("re", 0)) for p in ada.heard()] == [("unavailable", 0), ("error", 3)]
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


def test_a_transient_event_that_nobody_will_answer_any_more_is_given_up(stage: Stage):
    ada = stage.player()
    ada.send(type="move", dir="n", seq=2)
    stage.broker.take()
    sweep_for(stage, 12)
    assert [p["code"] for p in ada.heard("error")] == ["stale"]
    assert stage.hub.unanswered == 0


def test_an_answer_that_must_have_been_lost_is_asked_for_again(stage: Stage):
    ada = stage.player()
    ada.send(type="say", text="hello", seq=2)
    (first,) = stage.broker.take("say")
    sweep_for(stage, int(stage.limits.ask_again_after_s) + 2)
    (second,) = stage.broker.take("say")
    assert second.batch == first.batch
    stage.answer(second)
    stage.answer(first)
    assert len(ada.heard("ok")) == 1


def test_a_family_that_fell_is_tried_again_even_if_what_it_owes_is_never_answered(stage: Stage):
    bob, ada = stage.player("bob"), stage.player("ada")
    bob.send(type="say", text="rejected, or lost", seq=2)
    sweep_for(stage, 7)
    stage.hub.ended(bob.session)
    sweep_for(stage, 240)
    ada.send(type="say", text="hello?", seq=2)
    stage.broker.take("say")
    ada.heard()
    ada.send(type="say", text="hello??", seq=3)
    assert not ada.heard("error")


def test_who_is_let_in_at_another_gateway_is_none_of_our_business(stage: Stage):
    direct = Direct(conn="g2.conn", packet=told(type="ok", re=1), re=1, lane="session")
    follow = Follow(session="g2.conn", player="ada", watch={"view": ("zone.town",)})
    stage.tell(Outbound(directs=[msgspec.structs.replace(direct, follow=follow)]))
    stage.clock.advance(1)
    assert stage.broker.take("lost") == []


def test_where_a_queue_is_split_each_part_has_batches_of_its_own_and_a_lane_keeps_its_order_across():
    stage = Stage(Queues(split={"movement": 2}))
    ada, bob = stage.player("ada"), stage.player("bob")
    for player, place in ((ada, "town"), (bob, "meadow")):
        stage.tell(Outbound(directs=[Direct(conn=player.session.conn, follow=Follow(place=place))]))
        player.send(type="move", dir="n", seq=2)
    of_ada, of_bob = stage.broker.take("move")
    assert (of_ada.queue, of_bob.queue) == ("movement", "movement.1")
    assert [envelope.place for envelope in (*of_ada.batch, *of_bob.batch)] == ["town", "meadow"]
    ada.send(type="move", dir="n", seq=3)
    stage.answer(of_ada, follow=Follow(place="meadow"))
    ada.send(type="move", dir="n", seq=4)
    stage.clock.advance(GAP_S_PER_EVENT)
    (last_of_town,) = stage.broker.take("move")
    assert (last_of_town.queue, last_of_town.seqs) == ("movement", [3])  # accepted there, and 4 waits for its answer
    stage.answer(of_bob)
    stage.answer(last_of_town)
    stage.clock.advance(GAP_S_PER_EVENT)
    assert [(task.queue, task.seqs) for task in stage.broker.take("move")] == [("movement.1", [4])]


def test_what_goes_to_the_same_clients_goes_together_and_in_order():
    a1, a2, b1, a3 = (
        Dispatch(to=(to,), packet=told(type="heard", text=text))
        for to, text in (("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"))
    )
    elsewhere = Dispatch(to=("a",), packet=b"", unless=("b",))
    assert by_audience([a1, b1, a2, elsewhere, a3]) == [[a1, a2, a3], [b1], [elsewhere]]


def test_what_must_be_told_once_is_not_joined_with_others():
    kept = Dispatch(to=("a",), packet=b"", id="talk1")
    plain = Dispatch(to=("a",), packet=b"")
    assert by_audience([kept, plain, kept, plain]) == [[kept], [plain, plain], [kept]]


def test_a_notice_that_comes_twice_in_one_message_is_told_once(stage: Stage):
    ada = stage.player()
    twice = Dispatch(to=("zone.town",), packet=told(type="heard", text="once"), id="talk1")
    stage.tell(Outbound(dispatches=[twice, twice]))
    assert len(ada.heard("heard")) == 1


def test_who_hung_up_while_returning_to_the_world_leaves_it_again(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    stage.rises()
    (rejoin,) = stage.broker.take("rejoin")
    stage.hub.ended(ada.session)
    stage.clock.advance(1)
    assert stage.broker.take("lost")  # it may be applied before the rejoin, which then puts ada into the world for good
    follow = Follow(session=ada.session.session, player="ada", back=True)
    stage.tell(Outbound(directs=[Direct(conn=ada.session.conn, follow=follow)], done="rejoin"))
    stage.clock.advance(1)
    (again,) = stage.broker.take("lost")
    assert [(e.conn, e.session) for e in again.batch] == [(e.conn, ada.session.session) for e in rejoin.batch]


def test_who_returns_is_not_let_in_anew(stage: Stage):
    stage.rises()
    ada = stage.player()
    stage.falls()
    stage.rises()
    stage.let_back()
    assert ada.heard("token") == []
    assert ada.session.playing


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
            stage.tell(Outbound(directs=[refused], done="say", task=task.message.task_id))
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
            stage.tell(Outbound(done=beat.name, task=beat.message.task_id))
        returns += len(stage.broker.take("rejoin"))
        stage.let_back()
    assert 1 <= returns <= 60 * 1000 / GATEWAY_SILENT_MS


def test_a_logout_whose_reply_was_lost_with_the_broker_is_no_takeover(stage: Stage):
    stage.rises()
    ada = stage.player()
    ada.send(type="logout", seq=2)
    stage.tell(Outbound(directs=[Direct(conn=ada.session.conn, follow=Follow(close="taken_over"))]))
    assert [packet["code"] for packet in ada.heard("bye")] == ["logged_out"]
