from types import SimpleNamespace

import msgspec
import pytest

from gameserver.broker.gateway_routing import route, routing_key
from gameserver.messages.outbound import BatchResult, Multicast, SessionUpdate, Unicast
from gameserver.wire.codecs import msgpack_codec, subprotocols
from gameserver.wire.frames import prefix
from gateway import latency_budget
from gateway.egress.dispatcher import by_audience
from gateway.egress.nearest_gateway import GatewayDirectory
from tests.unit.gateway.fakes import Player, Published, Stage, reply


def told(**packet) -> bytes:
    return msgspec.msgpack.encode(packet)


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
    bob.connection.outgoing.subscribe(msgpack_codec())
    before = len(bob.transport.value())
    stage.dispatch("zone.town", type="moved", who="x")
    assert ada.heard() == eve.heard() == [{"type": "moved", "who": "x"}]
    assert bob.transport.value()[before:] == prefix(msgspec.msgpack.encode({"type": "moved", "who": "x"}))


def crowded(stage: Stage, per_s: int) -> tuple[list[Player], Published]:
    """Players of whom so many events come in a second, and a batch of theirs that was just published."""
    players = [stage.player(f"p{n}") for n in range(per_s // 100)]
    for seq in range(2, 200):
        for player in players:
            message = msgspec.json.encode({"type": "move", "dir": "n", "seq": seq})
            stage.hub.received(player.connection, message + b"\n")
        stage.clock.advance(0.01)
        tasks = stage.broker.take("move")
        if tasks and seq > 100:
            break
        for task in tasks:
            stage.answer(task)
    for player in players:
        player.written()
    return players, tasks[-1]


def told_of(stage: Stage, task: Published) -> None:
    """A process is done with a batch: its first event is answered, and seen by all."""
    unicasts = [reply(task.batch[0].conn, task.batch[0].event)]
    seen = Multicast(to=("zone.town",), packet=told(type="moved", n=1))
    done = {"done": task.name, "task": task.message.task_id}
    stage.hub.handle_result(BatchResult(unicasts=unicasts, multicasts=[seen], **done))


def test_where_many_events_come_who_is_answered_hears_at_once_and_others_when_it_is_due(stage: Stage):
    players, task = crowded(stage, 4_000)
    ada, bob, *_ = sorted(players, key=lambda player: player.connection.id != task.batch[0].conn)
    told_of(stage, task)
    assert [packet["type"] for packet in ada.written()] == ["ok", "moved"]
    assert bob.written() == []
    stage.clock.advance(latency_budget.hold_s(latency_budget.linger_s(4_000, 0.1), 0.1) + 0.001)
    assert [packet["type"] for packet in bob.written()] == ["moved"]


def test_where_fewer_come_all_hear_of_a_batch_at_once(stage: Stage):
    players, task = crowded(stage, 800)
    told_of(stage, task)
    assert {packet["type"] for player in players for packet in player.written()} == {"ok", "moved"}
    assert stage.hub._dispatcher._linger_s["move"] == pytest.approx(latency_budget.GATHER_SHARE * 0.1)


def test_what_another_gateways_batch_tells_waits_as_if_it_had_gathered_as_long_as_ones_own(stage: Stage):
    players, task = crowded(stage, 4_000)
    told_of(stage, task)
    stage.clock.advance(0.1)
    for player in players:
        player.written()
    stage.hub.handle_result(
        BatchResult(multicasts=[Multicast(to=("zone.town",), packet=told(type="moved"))], done="move")
    )
    assert players[0].written() == []
    stage.clock.advance(
        latency_budget.hold_s(latency_budget.linger_s(4_000, 0.1), 0.1) - latency_budget.elsewhere_s(0, 0.1) + 0.001
    )
    assert [packet["type"] for packet in players[0].written()] == ["moved"]


def test_on_a_quiet_server_all_hear_of_everything_at_once(stage: Stage):
    ada, bob = stage.player("ada"), stage.player("bob")
    ada.send(type="move", dir="n", seq=2)
    (task,) = stage.broker.take("move")
    told_of(stage, task)
    assert [packet["type"] for packet in ada.written()] == ["ok", "moved"]
    assert [packet["type"] for packet in bob.written()] == ["moved"]


def test_a_reply_and_what_its_batch_tells_of_others_go_in_one_write_the_reply_first(stage: Stage):
    ada = stage.player("ada")
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take("move")
    stage.clock.advance(1)
    (envelope,) = move.batch
    seen = Multicast(to=("zone.town",), packet=told(type="moved", n=1))
    pieces: list[bytes] = []
    ada.connection.outgoing._transport = SimpleNamespace(write=pieces.append)  # type: ignore[assignment]
    stage.hub.handle_result(BatchResult(unicasts=[reply(ada.connection.id, envelope.event)], multicasts=[seen]))
    (piece,) = pieces
    assert [msgspec.json.decode(line)["type"] for line in piece.splitlines()] == ["ok", "moved"]


def test_a_durable_dispatch_is_told_once(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    for _ in range(2):
        stage.dispatch("zone.a", id_="1/0", type="heard", text="once")
    assert len(ada.heard("heard")) == 1


def test_a_durable_notice_is_told_once_per_connection(stage: Stage):
    ada, bob = stage.player("ada"), stage.player("bob")
    for player in (ada, ada, bob):
        direct = Unicast(conn=player.connection.id, packet=told(type="heard", id="n1"), id="n1")
        stage.tell(BatchResult(unicasts=[direct]))
    assert len(ada.heard("heard")) == 1
    assert len(bob.heard("heard")) == 1


def test_a_durable_notice_that_nobody_acknowledges_is_not_told_again_on_the_connection(stage: Stage):
    ada = stage.player()
    direct = Unicast(conn=ada.connection.id, packet=told(type="heard", id="n1"), id="n1")
    for _ in range(5):
        stage.tell(BatchResult(unicasts=[direct]))
        stage.clock.advance(3_600)
    assert len(ada.heard("heard")) == 1


def test_what_is_told_to_connections_of_others_is_passed_over(stage: Stage):
    stage.tell(BatchResult(unicasts=[Unicast(conn="elsewhere", packet=told(type="heard"), re=4, lane="talk")]))
    assert stage.broker.take() == []


def test_a_slow_reader_misses_what_others_do_and_then_sees_the_present():
    stage = Stage(frame_bytes_max=64, write_buffer_soft_bytes=200, write_buffer_bytes_max=10_000)
    ada = stage.player(watch=("zone.a",))
    ada.connection.outgoing.pause()
    for n in range(50):
        stage.dispatch("zone.a", type="moved", who="someone", n=n)
    assert ada.heard() == []
    stage.hub.reads_again(ada.connection)
    assert 1 < len(ada.heard("moved")) < 50
    stage.clock.advance(1)
    assert stage.broker.take("look")
    stage.hub.reads_again(ada.connection)
    stage.clock.advance(1)
    assert stage.broker.take("look") == []


def test_a_fast_reader_misses_nothing_however_much_comes_at_once():
    stage = Stage(frame_bytes_max=64, write_buffer_soft_bytes=200, write_buffer_bytes_max=10_000)
    ada = stage.player(watch=("zone.a",))
    packet = told(type="moved", who="someone")
    stage.tell(BatchResult(multicasts=[Multicast(to=("zone.a",), packet=packet) for _ in range(50)]))
    assert len(ada.heard("moved")) == 50


def test_what_goes_to_the_same_clients_goes_together_and_in_order():
    a1, a2, b1, a3 = (
        Multicast(to=(to,), packet=told(type="heard", text=text))
        for to, text in (("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"))
    )
    elsewhere = Multicast(to=("a",), packet=b"", unless=("b",))
    assert by_audience([a1, b1, a2, elsewhere, a3]) == [[a1, a2, a3], [b1], [elsewhere]]


def test_what_must_be_told_once_is_not_joined_with_others():
    kept = Multicast(to=("a",), packet=b"", id="talk1")
    plain = Multicast(to=("a",), packet=b"")
    assert by_audience([kept, plain, kept, plain]) == [[kept], [plain, plain], [kept]]


def test_a_notice_that_comes_twice_in_one_message_is_told_once(stage: Stage):
    ada = stage.player()
    twice = Multicast(to=("zone.town",), packet=told(type="heard", text="once"), id="talk1")
    stage.tell(BatchResult(multicasts=[twice, twice]))
    assert len(ada.heard("heard")) == 1


# What the gateway has to do for a connection.


def test_who_is_let_in_is_given_a_token_before_the_reply(stage: Stage):
    ada = Player(stage)
    ada.send(type="hello", protocol=1)
    ada.send(type="login", name="ada", password="a long secret", seq=1)
    (login,) = stage.broker.take()
    stage.answer(login, follow=SessionUpdate(session="s1", player="ada", watch={"view": ("zone.a",)}, then="look"))
    assert [packet["type"] for packet in ada.heard()] == ["welcome", "token", "ok"]


def test_the_world_is_looked_at_when_the_queue_is_bound_and_not_before(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.broker.binding = False
    stage.broker.bound.clear()
    stage.answer(move, follow=SessionUpdate(watch={"view": ("zone.b",)}, then="look"))
    assert stage.broker.bound == [f"+{routing_key('zone.b')}", f"-{routing_key('zone.a')}"]
    assert stage.broker.take("look") == []
    stage.broker.unconfirmed.pop().callback(None)
    stage.clock.advance(1)
    assert stage.broker.take("look")


def test_who_left_before_the_queue_was_bound_does_not_look(stage: Stage):
    ada = stage.player(watch=("zone.a",))
    ada.send(type="move", dir="n", seq=2)
    (move,) = stage.broker.take()
    stage.broker.binding = False
    stage.answer(move, follow=SessionUpdate(watch={"view": ("zone.b",)}, then="look"))
    stage.hub.ended(ada.connection)
    stage.broker.unconfirmed.pop().callback(None)
    stage.clock.advance(1)
    assert stage.broker.take("look") == []


def test_a_connection_that_was_taken_over_is_told_so_and_closed(stage: Stage):
    ada = stage.player()
    stage.tell(BatchResult(unicasts=[Unicast(conn=ada.connection.id, follow=SessionUpdate(close="taken_over"))]))
    (bye,) = ada.heard()
    assert (bye["type"], bye["code"]) == ("bye", "taken_over")
    assert ada.transport.disconnecting


def test_a_logout_is_answered_and_then_the_connection_closes(stage: Stage):
    ada = stage.player()
    ada.send(type="logout", seq=2)
    (logout,) = stage.broker.take()
    stage.answer(logout, follow=SessionUpdate(close="logged_out"))
    assert [packet["type"] for packet in ada.heard()] == ["ok", "bye"]
    assert ada.transport.disconnecting


def test_the_queue_is_unbound_when_the_last_watcher_is_gone(stage: Stage):
    ada, bob = stage.player("ada", watch=("zone.a",)), stage.player("bob", watch=("zone.a",))
    stage.broker.bound.clear()
    stage.hub.ended(ada.connection)
    assert stage.broker.bound == []
    stage.hub.ended(bob.connection)
    assert stage.broker.bound == [f"-{routing_key('zone.a')}"]


def test_all_that_is_watched_is_bound_again_while_the_broker_is_there(stage: Stage):
    stage.player("ada", watch=("zone.a",))
    stage.broker.bound.clear()
    stage.hub.restore()
    assert stage.broker.bound == [f"+{routing_key('zone.a')}"]
    stage.broker.up = False
    stage.hub.restore()
    assert len(stage.broker.bound) == 1


def test_who_is_let_in_at_another_gateway_is_none_of_our_business(stage: Stage):
    direct = Unicast(conn="g2.conn", packet=told(type="ok", re=1), re=1, lane="session")
    follow = SessionUpdate(session="g2.conn", player="ada", watch={"view": ("zone.town",)})
    stage.tell(BatchResult(unicasts=[msgspec.structs.replace(direct, follow=follow)]))
    stage.clock.advance(1)
    assert stage.broker.take("lost") == []


def test_a_logout_whose_reply_was_lost_with_the_broker_is_no_takeover(stage: Stage):
    stage.rises()
    ada = stage.player()
    ada.send(type="logout", seq=2)
    stage.tell(BatchResult(unicasts=[Unicast(conn=ada.connection.id, follow=SessionUpdate(close="taken_over"))]))
    assert [packet["code"] for packet in ada.heard("bye")] == ["logged_out"]


# Where players of a place are served.


def moved_to(stage: Stage, player: Player, zone: str) -> None:
    """A process says that a player is in this zone."""
    stage.tell(BatchResult(unicasts=[Unicast(conn=player.connection.id, follow=SessionUpdate(shard_key=zone))]))


def test_who_comes_to_a_place_that_another_gateway_serves_is_told_so_once():
    gateways = {"gateway1": "10.0.0.1:4000", "gateway2": "10.0.0.2:4000"}
    here, there = (next(zone for zone in "abcdefgh" if route(zone) % 2 == n) for n in range(2))
    stage = Stage(directory=GatewayDirectory("gateway1", gateways))
    ada = stage.player()
    for _ in range(2):
        moved_to(stage, ada, there)
    assert ada.heard() == [{"type": "elsewhere", "address": "10.0.0.2:4000"}]
    moved_to(stage, ada, here)
    assert ada.heard() == []
    moved_to(stage, ada, there)
    assert [packet["type"] for packet in ada.heard()] == ["elsewhere"]
    ada.send(type="move", dir="n", seq=2)
    assert stage.broker.take("move")  # who stays is served all the same


def test_where_no_gateways_are_named_nobody_is_told_of_any(stage: Stage):
    ada = stage.player()
    for zone in "abcd":
        moved_to(stage, ada, zone)
    assert ada.heard() == []


@pytest.mark.parametrize("codec", ["gameserver.json", "gameserver.msgpack"])
@pytest.mark.parametrize("web", [{}, {"gateway2": "wss://play2.example/socket"}])
def test_who_came_over_a_websocket_is_led_to_a_websocket(codec: str, web: dict[str, str]):
    there = next(zone for zone in "abcdefgh" if route(zone) % 2)
    stage = Stage(
        directory=GatewayDirectory("gateway1", {"gateway1": "10.0.0.1:4000", "gateway2": "10.0.0.2:4000"}, web)
    )
    ada = stage.player()
    ada.connection.protocol.codec = subprotocols()[codec]
    before = ada.transport.value()
    moved_to(stage, ada, there)
    stage.clock.advance(1)
    told = ada.transport.value().removeprefix(before)
    assert (b"wss://play2.example/socket" in told) is bool(web)
    assert b"10.0.0.2" not in told
