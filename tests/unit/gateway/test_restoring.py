"""What somebody removes from the broker under a running gateway: it declares all anew, soon and not too often."""

import logging

import pytest
from twisted.python.failure import Failure

from gameserver.runtime.logging import SELDOM_S, Seldom
from gateway.amqp.broker import Unroutable
from gateway.ingress import publisher
from gateway.outage_watch import RESTORE_PAUSE_S
from tests.unit.gateway.fakes import Player, Stage, sweep_for


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.broker.restored = 0
    return made


def led_nowhere(stage: Stage, player: Player, seq: int) -> None:
    """A step of a player's, whose queue is bound to nothing."""
    stage.broker.confirming = False
    player.send(type="move", dir="n", seq=seq)
    (task,) = stage.broker.take("move")
    task.confirmation.errback(Failure(Unroutable()))


def test_what_leads_nowhere_has_all_declared_anew_with_the_next_look(stage: Stage) -> None:
    ada = stage.player("ada")
    led_nowhere(stage, ada, 2)
    sweep_for(stage, 1)
    assert stage.broker.restored == 1
    sweep_for(stage, int(2 * RESTORE_PAUSE_S))
    assert stage.broker.restored == 1  # it is mended


def test_what_leads_nowhere_again_and_again_is_seen_to_after_a_pause(stage: Stage) -> None:
    ada = stage.player("ada")
    seconds = int(3 * RESTORE_PAUSE_S)
    for n in range(seconds):
        led_nowhere(stage, ada, 2 + n)
        sweep_for(stage, 1)
    assert stage.broker.restored == 3


def test_it_is_told_once_a_minute(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "astray", Seldom(logging.getLogger("gateway"), stage.clock.seconds))
    ada = stage.player("ada")
    for n in range(3):
        led_nowhere(stage, ada, 2 + n)
    assert caplog.text.count("events for the queue movement lead nowhere") == 1
    stage.clock.advance(SELDOM_S)
    led_nowhere(stage, ada, 5)
    assert caplog.text.count("lead nowhere") == 2
    assert "and 2 times since" in caplog.text


def test_what_nobody_notices_is_declared_anew_now_and_then_and_all_is_heard(stage: Stage) -> None:
    stage.player("ada")
    stage.broker.bound.clear()
    stage.hub.restore()
    assert stage.broker.restored == 1
    assert stage.broker.bound
    stage.falls()
    stage.hub.restore()
    assert stage.broker.restored == 1
