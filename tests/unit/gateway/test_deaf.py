"""A gateway that heard nothing of anybody for a while shows its players the present when it hears somebody again."""

from tests.unit.gateway.fakes import Player, Stage, sweep_for


def silent(stage: Stage, player: Player) -> None:
    """What a player does, and what the gateway asks, is not answered."""
    player.send(type="move", dir="n", seq=2)
    stage.hub.heartbeat()
    sweep_for(stage, 4)


def answered(stage: Stage) -> None:
    """A process answers a heartbeat."""
    stage.hub.heartbeat()
    stage.clock.advance(1)
    *_, beat = stage.broker.take("heartbeat")
    stage.answer(beat)


def looks(stage: Stage) -> int:
    return sum(len(look.batch) for look in stage.broker.take("look"))


def test_players_are_shown_the_present_where_another_gateway_made_the_exchange_anew() -> None:
    stage = Stage()
    ada, _ = stage.player("ada"), stage.player("bob")
    silent(stage, ada)
    assert stage.broker.restored
    assert looks(stage) == 0  # nobody would hear the answer
    answered(stage)
    sweep_for(stage, 1)
    assert looks(stage) == 2
    sweep_for(stage, 1)
    assert looks(stage) == 0


def test_where_what_was_asked_before_is_answered_late_nothing_was_missed() -> None:
    stage = Stage()
    ada, bob = stage.player("ada"), stage.player("bob")
    ada.send(type="move", dir="n", seq=2)
    stage.clock.advance(0.2)
    bob.send(type="move", dir="n", seq=2)
    stage.clock.advance(0.2)
    *_, second = stage.broker.take("move")
    sweep_for(stage, 5)
    assert stage.broker.restored
    stage.answer(second)
    answered(stage)
    sweep_for(stage, 1)
    assert looks(stage) == 0


def test_who_finds_the_exchange_missing_shows_the_present_at_once() -> None:
    stage = Stage()
    ada = stage.player("ada")
    stage.broker.outbound_missing = True
    silent(stage, ada)
    assert looks(stage) >= 1


def test_where_one_family_alone_is_silent_nothing_was_missed() -> None:
    stage = Stage()
    ada = stage.player("ada")
    ada.send(type="move", dir="n", seq=2)
    for _ in range(8):
        answered(stage)
        sweep_for(stage, 1)
    assert stage.broker.restored
    assert looks(stage) == 0
