"""An announcement is an event in the outbox: the sweep sends it, and it is applied once."""

import pytest

from gameserver.cli import main
from gameserver.messages.envelope import Envelope
from gameserver.modules.world.events import Announced
from gameserver.testing.two_zones import player
from tests.unit.processing.conftest import workshop as workshop
from tests.unit.processing.workshop import Workshop, dispatched, sweep

TOLD = "All who are in the world will be told"


@pytest.fixture
def announced(
    workshop: Workshop, migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Envelope:
    """What the sweep finds of an announcement that was made by the command, while Ada plays."""
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    workshop.enter(player())
    assert main(["announce", "  Supper\n  is ready. "]) == 0
    assert TOLD in capsys.readouterr().out
    workshop.now_ms = 2**42
    (found,) = sweep(workshop).born
    return found


def test_everybody_is_told_once_however_often_the_event_comes(workshop: Workshop, announced: Envelope) -> None:
    told = [
        packet for applied in (workshop.apply(announced), workshop.apply(announced)) for packet in dispatched(applied)
    ]
    assert told == [{"type": Announced.notice.name, "text": "Supper is ready."}]
    assert workshop.due("event") == []


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 301])
def test_a_text_that_is_none_is_refused_with_a_sentence(
    text: str,
    workshop: Workshop,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    assert main(["announce", text]) == 1
    assert "Nobody was told: " in capsys.readouterr().err
    assert workshop.due("event") == []
