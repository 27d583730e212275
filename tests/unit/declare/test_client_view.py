"""What a client's view follows is declared by modules, and refused with file and line where it cannot be."""

from collections.abc import Iterator
from typing import Any

import pytest

from gameserver.client.world_view import WorldView
from gameserver.declare import client_view
from gameserver.declare.client_view import DECLARED, followers, follows
from gameserver.declare.game_package import modules
from gameserver.errors import Corrupt
from gameserver.modules.movement import world_view as movement

HERE = r"bad_declaration: \S*test_client_view\.py:\d+: follow follows "


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test declares is forgotten after it. This file counts as a part of the game, its last one."""
    followers()
    before = list(DECLARED)
    monkeypatch.setattr(client_view, "_own", lambda: [__import__(__name__, fromlist=["_"])])
    followers.cache_clear()  # type: ignore[attr-defined]
    yield
    DECLARED[:] = before
    followers.cache_clear()  # type: ignore[attr-defined]


def test_the_bundled_modules_follow_their_own_notices_and_nobody_elses() -> None:
    files = {one.of: one.file for one in DECLARED}
    assert files["moved"] == files["move"] == movement.__name__
    assert files["struck"] == "gameserver.modules.combat.world_view"
    assert set(files.values()) <= {f"{name}.world_view" for name in modules()}


def test_a_game_adds_to_what_a_module_follows() -> None:
    @follows("rewarded")
    def follow(view: Any, notice: Any) -> None:
        view.me["proud"] = notice["slain"]

    view = WorldView(followers())
    view.apply_notice({"type": "rewarded", "xp": 5, "total": 25, "slain": "rat"})
    assert (view.me["xp"], view.me["proud"]) == (25, "rat")


def test_what_follows_nothing_is_named_with_what_may_be_meant() -> None:
    @follows("mooved")
    def follow(view: Any, notice: Any) -> None: ...

    with pytest.raises(Corrupt, match=HERE + r"'mooved': there is no such notice or event \(is it moved\?\)"):
        followers()


def test_what_only_processes_send_is_not_followed() -> None:
    @follows("tick")
    def follow(view: Any, event: Any, data: Any) -> None: ...

    with pytest.raises(Corrupt, match=HERE + r"'tick': there is no such notice or event"):
        followers()


@pytest.mark.parametrize(("name", "takes"), [("moved", r"\(view, notice\)"), ("move", r"\(view, event, data\)")])
def test_what_takes_other_arguments_is_told_which(name: str, takes: str) -> None:
    @follows(name)
    def follow(view: Any) -> None: ...

    with pytest.raises(Corrupt, match=HERE + f"'{name}': the function takes {takes}"):
        followers()
