from importlib import import_module

import pytest
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.declare.session_events import Lost
from gameserver.errors import Corrupt
from gameserver.modules.movement.events import Move
from gameserver.rules import book


def test_a_rule_stands_in_the_module_of_its_family_under_the_name_of_its_event() -> None:
    for spec in catalogue.specs():
        rule = book.rules()[spec.name]
        module = import_module(f"gameserver.modules.{spec.family}.rules")
        assert rule.__name__ == spec.name  # type: ignore[attr-defined]
        assert hasattr(module, spec.name), "it may be written in another file of the module's"
        assert rule.__module__.startswith(f"gameserver.modules.{spec.family}.")


@pytest.mark.parametrize("name", ["fly", "Walked", "STEPS", "living_actor"])
def test_an_event_without_a_rule_is_named(name: str) -> None:
    with pytest.raises(Corrupt, match=rf"movement/events.py:\d+: movement\.{name} has no rule") as fault:
        book._find(replace(Move.spec, name=name))
    assert fault.value.code == "no_rule"


def test_a_game_without_a_module_that_answers_gateways_is_told_which_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "modules", lambda: ("gameserver.modules.chat",))
    with pytest.raises(Corrupt, match=r"sessions\.lost, .* take gameserver\.modules\.sessions, or write") as fault:
        book._find(Lost.spec)
    assert fault.value.code == "no_rule"
