"""Maps and kinds of things change: whatever lay or was kept where nobody can reach it any more is put where one can."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.maps.objects import Placed, World
from gameserver.modules.bank.maps import Chest
from gameserver.modules.bank.rules import in_bank, in_chest
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Take
from gameserver.modules.items.kinds import KINDS
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.items.things import inside
from gameserver.modules.movement.maps import spawns
from gameserver.operations import apply_maps
from gameserver.testing.two_zones import MEADOW, player
from tests.unit.processing.workshop import Workshop, replies

CHEST = Placed("meadow.chest.9", 12, 12, Chest(holds=3))
WALLS = frozenset({(11, y) for y in range(20) if y != 10})
# The town is gone, and so is a chest.
OTHER = World(
    zones={"meadow": replace(MEADOW, width=12, walls=WALLS, objects=(*MEADOW.objects[2:4], CHEST))}, start="meadow"
)
THINGS = [
    on_ground("bag", "pouch", zone="town", x=2, y=2, lies_until_ms=0),
    thing("ring", "club", inside("bag")),
    on_ground("apple", "apple", zone="town", x=2, y=2),
    on_ground("walled", x=11, y=3),
    on_ground("here", x=3, y=3),
    thing("kept", holder=in_chest(CHEST.id)),
    thing("lost", holder=in_chest("town.chest.1")),
    thing("orphan", holder=inside("no bag")),
    thing("carried"),
    thing("banked", holder=in_bank("ada")),
]
GONE = "which is gone, lie at a spawn of meadow"
WANTED = {
    f"things in zone town, {GONE}": 2,
    "things in walls or outside of meadow lie on the nearest free tile": 1,
    f"things in chest town.chest.1, {GONE}": 1,
    "things in containers that are gone lie at a spawn of meadow": 1,
}


@pytest.fixture
def workshop(migrated_url: str) -> Iterator[Workshop]:
    made = Workshop(migrated_url)
    made.enter(player("Ada", x=2, y=2))
    made.put(*THINGS)
    yield made
    made.store.close()


def items(workshop: Workshop) -> dict[str, Item]:
    return {item.id: item for item in workshop.store.portion(Item, "", 100)}


def spots(workshop: Workshop, *ids: str) -> list[tuple[str, int, int]]:
    found = items(workshop)
    return [(found[id_].zone, found[id_].x, found[id_].y) for id_ in ids]


def test_a_check_names_what_nobody_could_reach(workshop: Workshop) -> None:
    assert apply_maps.check(workshop.store, OTHER, lambda: workshop.now_ms) == WANTED
    assert items(workshop) == {item.id: item for item in THINGS}, "and does nothing"


def test_it_lies_where_one_can_take_it_and_nothing_else_is_moved(workshop: Workshop) -> None:
    before = items(workshop)
    assert apply_maps.apply(workshop.store, OTHER, lambda: workshop.now_ms) == WANTED
    start = [("meadow", x, y) for x, y in spawns(OTHER.zones["meadow"])]
    assert all(spot in start for spot in spots(workshop, "bag", "apple", "lost", "orphan"))
    ((zone, x, y),) = spots(workshop, "walled")
    assert OTHER.zones[zone].walkable(x, y)
    after = items(workshop)
    assert all(after[id_] == before[id_] for id_ in ("ring", "here", "kept", "carried", "banked"))
    assert after["apple"].lies_until_ms == before["apple"].lies_until_ms
    assert after["lost"].lies_until_ms == 0, "it waits: nobody was told of it"
    assert apply_maps.apply(workshop.store, OTHER, lambda: workshop.now_ms) == {}
    told = replies(workshop.apply(workshop.tell(player("Ada"), Take(thing="lost", seq=1))))
    assert told[1]["type"] == "ok"


@pytest.mark.parametrize(
    ("bag", "found"),
    [
        (thing("bag", "pouch"), {"holder": "ada"}),
        (on_ground("bag", "pouch", x=5, y=4), {"holder": "", "zone": "meadow", "x": 5, "y": 4}),
        (thing("bag", "pouch", in_bank("ada")), {"holder": "", "zone": "meadow"}),
        (thing("bag", "pouch", "lot:ada/1"), {"holder": "", "zone": "meadow"}),
    ],
    ids=["carried", "lies", "in the bank", "for sale"],
)
def test_what_is_in_something_that_holds_nothing_any_more_comes_out(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, bag: Item, found: dict[str, Any]
) -> None:
    workshop.put(bag)
    monkeypatch.setitem(KINDS, "pouch", replace(KINDS["pouch"], holds=0))
    why = "things in what holds nothing any more (pouch) are where that is"
    assert apply_maps.check(workshop.store, workshop.store.world, lambda: workshop.now_ms)[why] == 1
    apply_maps.apply(workshop.store, workshop.store.world, lambda: workshop.now_ms)
    ring = items(workshop)["ring"]
    assert {name: getattr(ring, name) for name in found} == found
    assert apply_maps.check(workshop.store, workshop.store.world, lambda: workshop.now_ms)[why] == 0
