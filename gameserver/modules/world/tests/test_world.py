from typing import Any

from gameserver.modules.world.events import Announce, Announced
from gameserver.modules.world.rules import PEOPLED_ZONES
from gameserver.testing.two_zones import circumstances, play, state


def announced(*zones: str) -> Any:
    return play(Announce(text="Supper!"), state(results={PEOPLED_ZONES: zones}), circumstances(gateway=""))


def test_what_operators_say_goes_in_one_notice_to_all_zones_in_which_anybody_is() -> None:
    (heard,) = announced("town", "meadow").notifications
    assert (heard.notice, heard.to) == (Announced(text="Supper!"), ("zone.meadow", "zone.town"))


def test_in_an_empty_world_nobody_is_told() -> None:
    assert announced().notifications == ()
