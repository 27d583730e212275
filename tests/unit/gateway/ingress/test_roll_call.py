"""Players in the world whose connections are gone, and players who play and are not in the world: nobody said so."""

import pytest

from gameserver.messages.outbound import BatchResult, Listed, SessionUpdate, Unicast
from gateway.ingress import roll_call
from gateway.ingress.roll_call import PATIENCE
from tests.unit.gateway.fakes import Player, Stage

GHOST = Listed("g1.gone", "s-bob", "bob")


def beat(stage: Stage, held: int, *roll: Listed) -> str:
    """A heartbeat, and the answer to it. Returns what it asked for."""
    stage.hub.heartbeat()
    stage.clock.advance(0)
    (task,) = stage.broker.take("heartbeat")
    after = task.batch[0].event.after
    told = SessionUpdate(held=held, roll=roll if after else None)
    stage.tell(BatchResult(unicasts=[Unicast(conn="g1", follow=told)], done=task.name, task=task.message.task_id))
    stage.clock.advance(3)
    return after


def rejoined(stage: Stage) -> list[str]:
    return [envelope.player for task in stage.broker.take("rejoin") for envelope in task.batch]


def listed(player: Player) -> Listed:
    return Listed(player.connection.id, player.connection.session_id, player.connection.player)


def lost(stage: Stage) -> list[tuple[str, str, str]]:
    said = [envelope for task in stage.broker.take("lost") for envelope in task.batch]
    return [(envelope.conn, envelope.session, envelope.player) for envelope in said]


def test_nobody_is_asked_for_as_long_as_the_numbers_agree() -> None:
    stage = Stage()
    stage.player("ada")
    assert [beat(stage, held=1) for _ in range(5)] == [""] * 5


def test_a_player_more_than_play_is_asked_for_and_reported_as_lost() -> None:
    stage = Stage()
    ada = stage.player("ada")
    here = Listed(ada.connection.id, ada.connection.session_id, "ada")
    asked = [beat(stage, 2, here, GHOST) for _ in range(PATIENCE + 1)]
    assert asked == [""] * PATIENCE + ["g1"]
    assert lost(stage) == [(GHOST.conn, GHOST.session, GHOST.player)]


def test_the_roll_is_called_in_portions_and_comes_to_its_end() -> None:
    stage = Stage()
    for _ in range(PATIENCE):
        beat(stage, held=2)
    assert beat(stage, 2, GHOST) == "g1"
    second = Listed("g1.hence", "s-eve", "eve")
    assert beat(stage, 1, second) == GHOST.conn
    assert beat(stage, 0) == second.conn
    assert beat(stage, 0) == ""
    assert [player for _, _, player in lost(stage)] == ["bob", "eve"]


def test_who_plays_and_is_not_in_the_world_returns_to_it_and_nobody_else_does() -> None:
    stage = Stage()
    ada, _ = stage.player("ada"), stage.player("eve")
    for _ in range(PATIENCE):
        beat(stage, held=1)
    assert beat(stage, 1, listed(ada)) == "g1"
    assert rejoined(stage) == [], "there may be more on the roll"
    assert beat(stage, 1) == ada.connection.id
    assert rejoined(stage) == ["eve"]
    assert lost(stage) == []
    assert [beat(stage, held=2) for _ in range(3)] == [""] * 3
    assert rejoined(stage) == []


def test_a_roll_on_which_nobody_is_lets_all_return_a_portion_with_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "RETURNING_AT_ONCE", 2)
    stage = Stage()
    for name in ("ada", "bob", "eve"):
        stage.player(name)
    for _ in range(PATIENCE + 1):
        assert rejoined(stage) == []
        beat(stage, held=0)
    assert len(rejoined(stage)) == 2
    beat(stage, held=2)
    assert len(rejoined(stage)) == 1


def test_who_enters_while_the_roll_is_called_does_not_return() -> None:
    stage = Stage()
    stage.player("ada")
    for _ in range(PATIENCE):
        beat(stage, held=0)
    stage.player("eve")
    beat(stage, 0)
    assert rejoined(stage) == ["ada"]


def test_who_left_while_the_roll_was_called_does_not_return() -> None:
    stage = Stage()
    ada = stage.player("ada")
    for _ in range(PATIENCE):
        beat(stage, held=0)
    stage.hub.ended(ada.connection)
    beat(stage, 0)
    assert rejoined(stage) == []


def test_an_answer_that_is_told_once_more_does_not_end_the_roll() -> None:
    stage = Stage()
    ada, _ = stage.player("ada"), stage.player("eve")
    for _ in range(PATIENCE):
        beat(stage, held=1)
    beat(stage, 1, listed(ada))
    again = Unicast(conn="g1", follow=SessionUpdate(held=1, roll=()))
    stage.tell(BatchResult(unicasts=[again], done="heartbeat", task="answered before"))
    assert rejoined(stage) == []
    assert beat(stage, 1) == ada.connection.id
    assert rejoined(stage) == ["eve"]


def test_who_is_let_in_at_the_moment_is_asked_for_only_if_that_lasts() -> None:
    stage = Stage()
    assert [beat(stage, held=held) for held in (1, 0, 1, 0, 1, 0)] == [""] * 6


def test_who_waits_for_the_answer_to_an_entrance_is_not_lost() -> None:
    stage = Stage()
    waits = Player(stage)
    waits.send(type="hello", protocol=1)
    waits.send(type="login", name="ada", password="long enough", seq=1)
    for _ in range(PATIENCE + 1):
        beat(stage, 1, Listed(waits.connection.id, waits.connection.id, "ada"))
    assert lost(stage) == []


def test_a_deployment_that_does_not_count_is_not_asked() -> None:
    """Its sessions workers are of an older version."""
    stage = Stage()
    for _ in range(5):
        stage.hub.heartbeat()
        stage.clock.advance(0)
        (task,) = stage.broker.take("heartbeat")
        assert task.batch[0].event.after == ""
        stage.tell(BatchResult(done=task.name, task=task.message.task_id))
        stage.clock.advance(3)
