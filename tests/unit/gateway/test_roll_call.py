"""Players in the world whose connections are gone, and of whom nobody said so."""

from gameserver.events.envelope import Direct, Follow, Listed, Outbound
from gateway.roll_call import PATIENCE
from tests.unit.gateway.fakes import Player, Stage

GHOST = Listed("g1.gone", "s-bob", "bob")


def beat(stage: Stage, held: int, *roll: Listed) -> str:
    """A heartbeat, and the answer to it. Returns what it asked for."""
    stage.hub.heartbeat()
    stage.clock.advance(0)
    (task,) = stage.broker.take("heartbeat")
    after = task.batch[0].event.after
    told = Follow(held=held, roll=roll if after else None)
    stage.tell(Outbound(directs=[Direct(conn="g1", follow=told)], done=task.name, task=task.message.task_id))
    stage.clock.advance(3)
    return after


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
    here = Listed(ada.session.conn, ada.session.session, "ada")
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


def test_who_is_let_in_at_the_moment_is_asked_for_only_if_that_lasts() -> None:
    stage = Stage()
    assert [beat(stage, held=held) for held in (1, 0, 1, 0, 1, 0)] == [""] * 6


def test_who_waits_for_the_answer_to_an_entrance_is_not_lost() -> None:
    stage = Stage()
    waits = Player(stage)
    waits.send(type="hello", protocol=1)
    waits.send(type="login", name="ada", password="long enough", seq=1)
    for _ in range(PATIENCE + 1):
        beat(stage, 1, Listed(waits.session.conn, waits.session.conn, "ada"))
    assert lost(stage) == []


def test_a_house_that_does_not_count_is_not_asked() -> None:
    """Its sessions workers are of an older version."""
    stage = Stage()
    for _ in range(5):
        stage.hub.heartbeat()
        stage.clock.advance(0)
        (task,) = stage.broker.take("heartbeat")
        assert task.batch[0].event.after == ""
        stage.tell(Outbound(done=task.name, task=task.message.task_id))
        stage.clock.advance(3)
