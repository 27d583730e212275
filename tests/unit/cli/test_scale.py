"""What ``gameserver scale`` is told: bounds of families, and who acts."""

import pytest

from gameserver.cli import main
from gameserver.cli.scale import read_bounds
from gameserver.errors import GameError
from gameserver.operations.scaling import Bounds

FAMILIES = ("chat", "trade")


@pytest.mark.parametrize(
    ("texts", "bounds"),
    [
        ((), {"chat": Bounds(1, 8), "trade": Bounds(1, 8)}),
        (("2:3",), {"chat": Bounds(2, 3), "trade": Bounds(2, 3)}),
        (("chat=2:3",), {"chat": Bounds(2, 3), "trade": Bounds(1, 8)}),
        (("chat=2:3", "0:0"), {"chat": Bounds(2, 3)}),
    ],
)
def test_bounds_are_for_all_or_for_one_whatever_comes_first(texts: tuple[str, ...], bounds: dict[str, Bounds]) -> None:
    assert read_bounds(texts, FAMILIES) == bounds


@pytest.mark.parametrize("text", ["", "3", "3:2", "a:b", "1:", "-1:2", "chat=", "nobody=1:2"])
def test_other_bounds_are_refused(text: str) -> None:
    with pytest.raises(GameError):
        read_bounds((text,), FAMILIES)


def test_a_scaler_without_a_supervisord_ends_with_a_sentence(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GAMESERVER_HOME", str(tmp_path))
    assert main(["scale"]) == 1
    assert "No supervisord runs in" in capsys.readouterr().err
