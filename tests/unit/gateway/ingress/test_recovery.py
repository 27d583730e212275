"""What is unanswered is published again: after the broker, a player or a family was away, or an answer was lost."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.broker.gateway_routing import routing_key
from gameserver.declare.session_events import GATEWAY_SILENT_MS
from gameserver.limits import Limits
from gameserver.messages.outbound import BatchResult
from gameserver.modules.movement.events import Look, Move
from gameserver.operations.trace import event_id
from gateway.amqp.broker import Away, Busy
from gateway.connections.lanes import given_up_after_s
from gateway.ingress.recovery import AGAIN_S, DOUBTED_S
from tests.unit.gateway.fakes import Player, Stage, reply, sweep_for


def test_while_the_broker_is_away_events_wait_and_then_go_in_order(stage: Stage):
    ada = stage.player()
    stage.falls()
    for seq in (2, 3, 4):
        ada.send(type="move", dir="n", seq=seq)
    assert stage.broker.take() == []
    stage.rises()
    (task,) = stage.broker.take("move")
    assert task.seqs == [2, 3, 4]


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


FALLS_S_MAX = 7  # as docs/operating.md says, with the defaults


class World:
    """Players of a stage who speak at times, of whose events some are lost on the way and all others answered at once.

    ``dead``: nobody answers anything of chat.
    """

    def __init__(self, speakers: int, *, dead: bool = False) -> None:
        self.stage = Stage()
        self.players = [self.stage.player(f"p{n}") for n in range(speakers)]
        self._dead = dead
        self._lost: set[str] = set()  # tasks

    def play(self, says: dict[float, bool], until_s: float) -> None:
        """Let players say something at these times, one after the other; whether it is lost; and look each second."""
        clock, speakers = self.stage.clock, iter(self.players)
        began_s = clock.seconds()
        looks = dict.fromkeys(range(1, int(until_s) + 1))
        for at_s, lost in sorted({**looks, **says}.items()):
            while clock.seconds() < began_s + at_s:  # a clock that jumps would run what is due too late
                clock.advance(min(0.1, began_s + at_s - clock.seconds()))
            if lost is None:
                self.stage.hub.sweep()
                clock.advance(0)
            else:
                next(speakers).send(type="say", text="hello", seq=2)
            self._answer(lost=bool(lost))

    def _answer(self, *, lost: bool) -> None:
        for task in self.stage.broker.take("say"):
            if not lost and not self._dead:
                self.stage.answer(task)

    def told(self) -> list[str]:
        """What anybody was told, but that it is done."""
        return [packet["type"] for player in self.players for packet in player.heard() if packet["type"] != "ok"]


@pytest.mark.parametrize("gap_s", [0.1, 0.5, 1.1, 2.1, 2.4, 2.6, 3.3, 4.9])
@pytest.mark.parametrize("lost", [2, 3, 10])
def test_batches_that_were_lost_one_after_the_other_condemn_nobody_and_are_answered(lost: int, gap_s: float):
    world = World(lost)
    world.play({0.05 + n * gap_s: True for n in range(lost)}, lost * gap_s + 2 * world.stage.limits.republish_after_s)
    assert world.told() == []
    assert world.stage.hub.unanswered == 0


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.integers(1, 299).map(lambda n: n / 10 + 0.05), st.booleans(), max_size=12))
def test_whatever_is_lost_of_what_comes_a_family_that_answers_the_rest_is_not_condemned(says: dict[float, bool]):
    world = World(len(says))
    world.play(says, 40)
    assert world.told() == []


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(1, 100).map(lambda n: n / 10 + 0.05), min_size=1, max_size=12))
def test_a_family_that_answers_nothing_falls_in_time_however_its_batches_come(says: set[float]):
    world = World(len(says), dead=True)
    first_s = min(says)
    world.play(dict.fromkeys((at_s for at_s in says if at_s < first_s + FALLS_S_MAX), True), first_s + FALLS_S_MAX)
    assert set(world.told()) >= {"unavailable"}


def test_heartbeats_that_are_lost_condemn_nobody_and_another_one_is_the_probe(stage: Stage):
    """Nobody waits for them, so that there is nothing to publish again."""
    ada = stage.player()
    stage.hub.heartbeat()
    sweep_for(stage, 5)
    first, probe = stage.broker.take("heartbeat")
    assert first.message.task_id != probe.message.task_id
    stage.tell(BatchResult(done=probe.name, task=probe.message.task_id))
    sweep_for(stage, 10)
    assert ada.heard("unavailable") == []


def test_of_a_family_that_is_down_one_batch_is_asked_again_and_not_all(stage: Stage):
    players = [stage.player(f"p{n}") for n in range(5)]
    for player in players:
        player.send(type="say", text="hello", seq=2)
        stage.clock.advance(1)
    first = stage.broker.take("say")
    sweep_for(stage, 8)
    sweep_for(stage, 40)  # as long as the first of all counts
    probes = stage.broker.take("say")
    assert {each.batch[0].player for each in probes} == {first[0].batch[0].player}
    sweep_for(stage, 160)
    probes += stage.broker.take("say")
    assert len(probes) <= 200 / stage.limits.unavailable_after_s
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
