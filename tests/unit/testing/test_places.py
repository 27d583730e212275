"""What is found wrong with places at the end of a run, and that a run of chaos looks for it."""

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.entity import kinds
from gameserver.declare.game_package import game
from gameserver.maps.objects import instance_name
from gameserver.maps.world import load_world
from gameserver.modules.bank.maps import Chest
from gameserver.modules.bank.rules import STORED_MAX, in_bank, in_chest
from gameserver.modules.instances.entities import Instance
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.items.things import CARRIED_MAX, inside, worn_by
from gameserver.modules.market.entities import Lot
from gameserver.modules.market.rules import in_lot
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.rules import mail_of
from gameserver.modules.world.entities import ZoneClock
from gameserver.testing.chaos import run
from gameserver.testing.chaos.records import Diary
from gameserver.testing.two_zones import player
from gameserver.testing.whole_entities import parts_of
from tests import places
from tests.unit.processing.workshop import Workshop

WORLD = load_world(game().world)
CHEST, HOLDS = next((at.id, chest.holds) for zone in WORLD.zones.values() for at, chest in zone.placed(Chest))
ADA = player(zone=WORLD.start)
DEN = instance_name("dungeon", 1)
OPEN = Instance(id=DEN, template="dungeon", owner="ada", gate_zone="town", gate_x=1, gate_y=1, ends_ms=9)
LETTER = Letter(id="l", receiver="ada", sender="Bob", text="", things='["axe"]')
LOT = Lot(id="ada/1", seller="ada", thing="axe", kind="axe", until_ms=9)


def rows(*given: Any) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {kind: {} for kind in kinds()}
    for one in parts_of(*given):
        found[type(one)][one.id] = one
    return found


def sticks(holder: str, count: int) -> list[Any]:
    return [thing(f"s{n}", "stick", holder) for n in range(count)]


SOUND = [
    ADA,
    LETTER,
    thing("axe", "axe", mail_of("ada")),
    thing("pouch", "pouch"),
    thing("knife", "knife", inside("pouch")),
    thing("sword", holder=worn_by("ada")),
    thing("club", "club", in_chest(CHEST)),
    on_ground("helmet", zone=WORLD.start),
    OPEN,
    ZoneClock(id=DEN, tick=1),
]
WRONG: dict[str, tuple[str, list[Any]]] = {
    "a letter without its thing": ("axe is not in mail:ada", [LETTER]),
    "a letter whose thing is carried": ("axe is not in mail:ada", [LETTER, thing("axe", "axe")]),
    "a lot without its thing": ("axe is not in lot:ada/1", [LOT]),
    "a thing in a lot that is over": ("axe is in lot:ada/2, which is no place", [thing("axe", "axe", in_lot("ada/2"))]),
    "a thing of nobody": ("axe is in zoe, which is no place", [thing("axe", "axe", "zoe")]),
    "a thing in what is gone": ("axe is in in:bag, which is no place", [thing("axe", "axe", inside("bag"))]),
    "a chest on no map": ("axe is in chest:x, which is no place", [thing("axe", "axe", in_chest("x"))]),
    "a chest overfull": (f"chest:{CHEST} holds {HOLDS + 1} things", sticks(in_chest(CHEST), HOLDS + 1)),
    "a pouch overfull": ("in:pouch holds 7 things", [thing("pouch", "pouch"), *sticks(inside("pouch"), 7)]),
    "hands overfull": (f"ada holds {CARRIED_MAX + 1} things", sticks("ada", CARRIED_MAX + 1)),
    "a bank overfull": (f"bank:ada holds {STORED_MAX + 1}", sticks(in_bank("ada"), STORED_MAX + 1)),
    "a body in no zone": ("ada stands in nowhere", [player(zone="nowhere")]),
    "a body in an instance that has ended": (f"ada stands in {DEN}, which is no zone", [player(zone=DEN)]),
    "a body in an instance that knows nothing of it": ("knows of no such visitor", [player(zone=DEN), OPEN]),
    "a thing that lies in no zone": ("axe is in nowhere", [on_ground("axe", zone="nowhere")]),
    "a clock of what is over": ("ticks, and is no zone", [ZoneClock(id=DEN, tick=1)]),
}


def test_where_all_is_in_its_place_nothing_is_found() -> None:
    assert list(places.faults(WORLD, rows(*SOUND))) == []


@pytest.mark.parametrize("what", WRONG)
def test_what_is_in_no_place_is_found(what: str) -> None:
    sentence, given = WRONG[what]
    (found,) = places.faults(WORLD, rows(ADA, *given))
    assert sentence in found


@pytest.fixture
def workshop(migrated_url: str) -> Iterator[Workshop]:
    made = Workshop(migrated_url)
    yield made
    made.store.close()


def reported(url: str) -> list[str]:
    struck: Any = SimpleNamespace(database_url=url, troubles=[], struck=Counter(), killed_within=Counter())
    before = run.read_books(url).amounts
    return run._report(struck, Diary(), 1, before, places.faults).wrong


def test_a_run_of_chaos_looks_at_the_places_of_its_end(workshop: Workshop, migrated_url: str) -> None:
    workshop.put(ADA, LETTER)
    assert reported(migrated_url) == ["wrong sum: axe is not in mail:ada"]
    workshop.put(thing("axe", "axe", mail_of("ada")))
    assert reported(migrated_url) == []
    workshop.put(replace(ADA, zone="nowhere"))
    assert reported(migrated_url) == ["wrong sum: ada stands in nowhere, which is no zone"]
