"""The data files of things: what contradicts itself, or names what is not there, is refused before anything starts."""

import re
from typing import Any

import pytest

from gameserver.errors import Corrupt
from gameserver.modules.items import kinds
from gameserver.modules.items.kinds import DROPS, KINDS, SLOTS, Drop, Drops, Kind, kind_of

WRONG: dict[str, dict[str, Any]] = {
    "slot: there is no slot 'tail', expected one of hand, body, head, feet, finger": {"slot": "tail"},
    "stack: what is worn or holds things does not stack": {"slot": "hand", "stack": 2},
    "uses: a stack is used up one by one": {"stack": 5, "uses": 2},
    "uses: what holds things does not wear out, or what is in it would be lost": {"holds": 2, "uses": 2},
    "holds: what is used up would lose what is in it": {"holds": 3, "heals": 5},
    "uses: only what strikes, or is used up, wears out": {"slot": "head", "uses": 5},
    "attack: what is worn nowhere strengthens nobody": {"attack": 3},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_kind_that_contradicts_itself_is_refused(sentence: str) -> None:
    assert Kind(name="x", title="X", **WRONG[sentence]).problem() == sentence


NAMED: dict[str, Drops] = {
    "drops.json: dragon: name: there is no creature 'dragon'.": Drops(name="dragon", drops=[]),
    "drops.json: rat: drops.item: there is no item 'crown'.": Drops(name="rat", drops=[Drop("crown", 5)]),
    "drops.json: rat: drops.most: stick is dropped as 1 to 1.": Drops(name="rat", drops=[Drop("stick", 5, 1, 2)]),
}


@pytest.mark.parametrize("sentence", NAMED)
def test_drops_that_name_what_is_not_there_are_refused(sentence: str) -> None:
    with pytest.raises(Corrupt, match=re.escape(sentence)):
        kinds.check_drops(NAMED[sentence])


def test_the_bundled_game_has_sixty_kinds_and_every_creature_drops_something() -> None:
    assert len(KINDS) >= 60
    assert {kind.slot for kind in KINDS.values()} == {"", *SLOTS}
    assert all(drops.drops for drops in DROPS.values())


def test_a_kind_that_is_gone_is_of_no_use() -> None:
    gone = kind_of("crown")
    assert (gone.title, gone.slot, gone.heals, gone.stack) == ("Crown", "", 0, 1)
