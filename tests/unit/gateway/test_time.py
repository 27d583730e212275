"""A gateway whose machine's clock is wrong, or is set while it runs; server time is what the stage's clock shows."""

import pytest

from gameserver.messages.outbound import BatchResult
from gateway.amqp.broker import Busy, Unroutable
from tests.unit.gateway.fakes import Player, Published, Stage

BY_MS = 600_000
WRONG = pytest.mark.parametrize("wrong_ms", [BY_MS, -BY_MS], ids=["ahead", "behind"])
SOON_MS = 20  # what the time is known to after a quick answer


def stage_of(wrong_ms: int = 0) -> Stage:
    stage = Stage(wrong_ms=wrong_ms)
    stage.clock.advance(10)
    return stage


def now_ms(stage: Stage) -> int:
    return int(stage.clock.seconds() * 1000)


def beat(stage: Stage, there_s: float = 0.005, back_s: float = 0.005) -> None:
    """A heartbeat there, and its answer back."""
    stage.hub.heartbeat()
    stage.clock.advance(0)
    (task,) = stage.broker.take("heartbeat")
    answer(stage, task, there_s, back_s)


def answer(stage: Stage, task: Published, there_s: float = 0.005, back_s: float = 0.005) -> None:
    stage.clock.advance(there_s)
    began_ms = now_ms(stage)
    stage.clock.advance(back_s)
    stage.tell(BatchResult(done=task.name, task=task.message.task_id, began_ms=began_ms, took_ms=back_s * 500))


def accepted_ms(stage: Stage) -> int:
    """How the gateway dates what a player does now."""
    player = stage.player("ada")
    player.send(type="move", dir="n", seq=2)
    ((envelope,),) = [task.batch for task in stage.broker.take("move")]
    return envelope.at_ms


@WRONG
def test_events_are_dated_in_server_time_as_soon_as_a_heartbeat_was_answered(wrong_ms: int) -> None:
    stage = stage_of(wrong_ms)
    beat(stage)
    assert accepted_ms(stage) == pytest.approx(now_ms(stage), abs=SOON_MS)
    assert stage.hub.skew_s == pytest.approx(wrong_ms / 1000, abs=SOON_MS / 1000)


@WRONG
def test_before_that_the_machines_clock_is_believed(wrong_ms: int) -> None:
    stage = stage_of(wrong_ms)
    assert accepted_ms(stage) == pytest.approx(now_ms(stage) + wrong_ms, abs=SOON_MS)


@WRONG
def test_a_clock_that_is_set_while_the_gateway_runs_changes_no_date(wrong_ms: int) -> None:
    stage = stage_of()
    beat(stage)
    stage.wrong_ms = wrong_ms
    assert accepted_ms(stage) == pytest.approx(now_ms(stage), abs=SOON_MS)
    assert stage.hub.skew_s == pytest.approx(wrong_ms / 1000, abs=SOON_MS / 1000)


@WRONG
def test_no_player_is_told_that_an_event_is_stale_because_a_clock_was_set(wrong_ms: int) -> None:
    stage = stage_of()
    beat(stage)
    player = stage.player("ada")
    player.send(type="move", dir="n", seq=2)
    stage.wrong_ms = wrong_ms
    stage.hub.sweep()
    assert player.heard("error") == []


@WRONG
def test_nobody_has_to_return_because_a_clock_was_set_or_its_error_was_found_out(wrong_ms: int) -> None:
    stage = stage_of(wrong_ms)
    stage.player("ada")
    beat(stage)
    stage.wrong_ms = 0
    for _ in range(3):
        stage.clock.advance(3)
        beat(stage)
    assert stage.broker.take("rejoin") == []


def test_slow_answers_do_no_harm_to_what_is_known() -> None:
    stage = stage_of(BY_MS)
    beat(stage)
    beat(stage, there_s=20, back_s=0.01)
    beat(stage, there_s=0.01, back_s=20)
    assert accepted_ms(stage) == pytest.approx(now_ms(stage), abs=SOON_MS)


def knocks(stage: Stage) -> Player:
    """Someone who wants to be let in, though the gateway does not know the time yet."""
    player = Player(stage)
    player.send(type="hello", protocol=1)
    player.send(type="login", name="ada", password="a long secret", seq=1)
    assert stage.broker.take("login") == []
    return player


def unheard(wrong_ms: int = BY_MS) -> Stage:
    stage = Stage(wrong_ms=wrong_ms, heard=False)
    stage.clock.advance(10)
    return stage


@WRONG
def test_who_comes_before_the_time_is_known_waits_and_is_dated_then(wrong_ms: int) -> None:
    stage = unheard(wrong_ms)
    knocks(stage)
    beat(stage)
    stage.clock.advance(0)
    ((envelope,),) = [task.batch for task in stage.broker.take("login")]
    assert envelope.at_ms == pytest.approx(now_ms(stage), abs=SOON_MS)


def test_a_slow_answer_says_too_little_of_the_time_and_the_next_is_asked_for_at_once() -> None:
    stage = unheard()
    knocks(stage)
    beat(stage, there_s=6, back_s=4)
    assert stage.broker.take("login") == []
    stage.clock.advance(0.1)
    (asked,) = stage.broker.take("heartbeat")
    answer(stage, asked)
    stage.clock.advance(0)
    ((envelope,),) = [task.batch for task in stage.broker.take("login")]
    assert envelope.at_ms == pytest.approx(now_ms(stage), abs=100 + SOON_MS)


def test_where_every_answer_is_slow_nobody_waits_for_a_better_one() -> None:
    stage = unheard()
    knocks(stage)
    beat(stage, there_s=6, back_s=4)
    stage.clock.advance(0.1)
    (asked,) = stage.broker.take("heartbeat")
    answer(stage, asked, there_s=2, back_s=2)
    stage.clock.advance(0)
    assert len(stage.broker.take("login")) == 1


@pytest.mark.parametrize(("failure", "code"), [(Unroutable(), "unavailable"), (Busy(), "busy")])
def test_who_waits_for_the_time_is_refused_where_nobody_can_be_asked_for_it(failure: Exception, code: str) -> None:
    stage = unheard()
    stage.broker.confirming = False
    stage.hub.heartbeat()
    stage.clock.advance(0)
    player = knocks(stage)
    (asked,) = stage.broker.take("heartbeat")
    asked.confirmation.errback(failure)
    assert [packet["code"] for packet in player.heard("error")] == [code]
    player.send(type="login", name="ada", password="a long secret", seq=2)
    beat(stage)
    stage.clock.advance(0)
    assert [task.seqs for task in stage.broker.take("login")] == [[2]]


def test_who_waits_for_the_time_is_refused_when_nobody_serves_entrances() -> None:
    stage = unheard()
    player = knocks(stage)
    for _ in range(3):
        stage.hub.heartbeat()
        stage.clock.advance(stage.limits.unavailable_after_s)
        stage.hub.sweep()
    assert [packet["code"] for packet in player.heard("error")] == ["unavailable"]
