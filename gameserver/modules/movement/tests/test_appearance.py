"""What can be seen is what the game's modules say: movement knows of no health and of no creature."""

from collections.abc import Iterator
from typing import Any

import pytest

from gameserver.errors import Corrupt
from gameserver.modules.combat.entities import Creature, Health
from gameserver.modules.movement import appearance
from gameserver.modules.movement import hooks as own
from gameserver.modules.movement.appearance import being, is_seen, seen_kinds, seen_parts, shown_with
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Look
from gameserver.modules.sessions.entities import Player
from gameserver.rules.outcome import Outcome
from gameserver.testing.two_zones import absent, circumstances, creature, play, player, state, told


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A game in which nobody but movement says how anything looks."""
    mine = [said for said in appearance.DECLARED if said.function.__module__ == own.__name__]
    monkeypatch.setattr(appearance, "DECLARED", mine)
    monkeypatch.setattr(appearance, "additions", lambda whole: ())
    monkeypatch.setattr(appearance, "complete", lambda kind: kind)
    computed = (appearance.known, appearance.shown_with, appearance.seen_parts)
    for each in computed:
        each.cache_clear()  # type: ignore[attr-defined]
    yield
    monkeypatch.undo()
    for each in computed:
        each.cache_clear()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("alone")
def test_without_combat_players_are_seen_dead_or_alive_and_creatures_are_not() -> None:
    scene = state(player(hp=3), player("Bob", dead_until_ms=9), creature())
    assert (seen_kinds(), shown_with(Body)) == ((Body,), (Player,))
    assert is_seen(scene, scene.of(Body)["bob"])
    assert not hasattr(being(scene, scene.of(Body)["ada"]), "hp")


def test_what_is_loaded_to_show_something_is_what_modules_say_that_they_read() -> None:
    assert seen_kinds() == (Body, Creature)
    assert seen_parts() == (Body, *shown_with(Body), Creature)
    assert {part.__name__ for part in shown_with(Body)} >= {"Player", "Health"}


@pytest.mark.parametrize(
    ("thing", "seen"),
    [(player(), True), (absent(player()), False), (player(dead_until_ms=9), False), (creature(dead_until_ms=9), False)],
)
def test_nobody_sees_whom_any_module_hides(thing: Any, seen: bool) -> None:
    scene = state(thing)
    (shown,) = (*scene.of(Body).values(), *scene.of(Creature).values())
    assert is_seen(scene, shown) is seen


def test_each_module_adds_what_it_knows_and_a_view_shows_all_of_it() -> None:
    ada, bob = player(), player("Bob", hp=7, hp_max=9)
    (view,) = [n for n in told(play(Look(seq=1), state(ada, bob, creature()), circumstances(ada))) if hasattr(n, "you")]
    seen, rat = view.beings
    assert (seen.name, seen.kind, seen.hp, seen.hp_max, rat.kind) == ("Bob", "player", 7, 9, "rat")
    scene = state(bob)
    assert view.beings[0] == being(scene, scene.of(Body)["bob"])


def test_whose_components_were_not_loaded_is_shown_by_nobody_but_who_is_new() -> None:
    ada = player()
    scene = state(ada)
    scene.things[Health].clear()
    with pytest.raises(Corrupt, match="not_loaded: Health of ada"):
        being(scene, scene.of(Body)["ada"])
    new = state().folded(Outcome(put=ada.parts[:2]))
    assert being(new, new.of(Body)["ada"]).hp == Health(id="").hp
