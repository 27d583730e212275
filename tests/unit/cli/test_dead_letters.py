import pytest

from gameserver.cli import main
from gameserver.messages.envelope import Envelope
from tests.unit.processing.workshop import Workshop


def test_the_command_lists_shows_replays_and_drops(
    workshop: Workshop,
    buried: Envelope,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    assert main(["dead", "list", "--family", "trade", "--player", "Ada"]) == 0
    assert buried.id in capsys.readouterr().out
    assert main(["dead", "list", "--family", "chat"]) == 0
    assert buried.id not in capsys.readouterr().out
    assert main(["dead", "show", buried.id]) == 0
    shown = capsys.readouterr().out
    assert "RuntimeError: a bug" in shown
    assert "4 trials" in shown
    assert main(["dead", "replay", buried.id]) == 0
    assert main(["dead", "drop", buried.id]) == 1
    assert "There is no dead letter" in capsys.readouterr().err
