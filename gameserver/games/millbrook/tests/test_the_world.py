"""What stands in Millbrook's data files and on its maps fits together, and can be walked, drawn, got and sold."""

from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from gameserver.declare.game_package import game
from gameserver.maps.objects import Tile, World, Zone
from gameserver.maps.pictures import pictures
from gameserver.maps.world import load_world
from gameserver.modules.combat.creature_kinds import KINDS as CREATURES
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.crafting.maps import Workshop
from gameserver.modules.crafting.recipes import RECIPES
from gameserver.modules.creatures.lairs import TABLES
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.groups.rules import MEMBERS_MAX
from gameserver.modules.instances.maps import Stay
from gameserver.modules.items.kinds import DROPS, KINDS
from gameserver.modules.movement.events import Move
from gameserver.modules.movement.maps import Portal, spawns
from gameserver.modules.movement.rules import STEPS
from gameserver.modules.movement.view import in_view
from gameserver.modules.shops.goods import SHOPS
from gameserver.modules.shops.maps import Shop
from gameserver.testing.scenes import circumstances, play, player, state

PICTURES = Path(__file__).parents[4] / "docs" / "images" / "zones"
WAYS = {step: name for name, step in STEPS.items()}
Place = tuple[str, int, int]


@cache
def world() -> World:
    return load_world(game().world)


zones = pytest.mark.parametrize("zone", world().zones.values(), ids=world().zones)


def test_the_world_is_one_to_play_in_for_an_hour() -> None:
    assert len(world().zones) >= 25
    assert len(CREATURES) >= 15
    assert len(KINDS) >= 60
    assert len(SHOPS) >= 6


# Ways


def beyond(zone: Zone, x: int, y: int) -> Place:
    """Where one is who steps there."""
    portal = zone.on(Portal, x, y)
    return (portal.zone, portal.x, portal.y) if portal else (zone.name, x, y)


def next_steps(here: Place) -> Iterator[tuple[Place, Tile]]:
    zone = world().zones[here[0]]
    for dx, dy in STEPS.values():
        x, y = here[1] + dx, here[2] + dy
        if zone.walkable(x, y):
            yield beyond(zone, x, y), (dx, dy)


@cache
def walks() -> dict[Place, tuple[Place, Tile] | None]:
    """From where, and by which step, one comes soonest from the first spawn to every place of the world."""
    start = world().zones[world().start]
    first: Place = (start.name, *spawns(start)[0])
    came: dict[Place, tuple[Place, Tile] | None] = {first: None}
    frontier = deque([first])
    while frontier:
        here = frontier.popleft()
        for there, step in next_steps(here):
            if there not in came:
                came[there] = here, step
                frontier.append(there)
    return came


def way_to(zone: Zone) -> tuple[Place, list[str]]:
    """Where one begins, and the steps to the first place in a zone to which one comes."""
    here = next(place for place in walks() if place[0] == zone.name)
    steps = []
    while (came := walks()[here]) is not None:
        here, step = came
        steps.append(WAYS[step])
    return here, steps[::-1]


@zones
def test_who_keeps_to_the_rules_walks_there_from_the_start(zone: Zone) -> None:
    (name, x, y), steps = way_to(zone)
    ada = player("Ada", zone=name, x=x, y=y)
    for step in steps:
        outcome = play(Move(dir=step), state(ada), circumstances(ada))
        ada = replace(ada, zone=outcome.result.zone, x=outcome.result.x, y=outcome.result.y)
    assert ada.zone == zone.name


def test_new_players_see_each_other_wherever_each_begins() -> None:
    """Otherwise friends who come one after the other would not find each other, nor hear what they say."""
    ways_in = spawns(world().zones[world().start])
    begun = [player(f"P{number}", zone=world().start, x=x, y=y) for number, (x, y) in enumerate(ways_in)]
    assert all(in_view(one, other) for one in begun for other in begun)


def test_safe_zones_are_few_and_empty_of_creatures_and_no_others_are_empty() -> None:
    safe = [zone for zone in world().zones.values() if is_safe(zone)]
    assert len(safe) <= len(world().zones) // 4
    assert all(bool(zone.placed(Lair)) != is_safe(zone) for zone in world().zones.values())


# Creatures


def lairs() -> dict[str, list[Lair]]:
    """The lairs of each map, those of templates too."""
    return {zone.name: [lair for _, lair in zone.placed(Lair)] for zone in world().drawn.values()}


def test_every_spawn_table_and_every_kind_of_creature_stands_on_a_map() -> None:
    placed = [lair for many in lairs().values() for lair in many]
    assert {lair.lair for lair in placed} - {""} == set(TABLES)
    drawn = {kind for lair in placed for kind in lair.table.kinds}
    summoned = {name for kind in CREATURES.values() for phase in kind.phases for name in phase.summons}
    assert drawn | summoned == set(CREATURES)


def test_a_dungeon_has_a_boss_with_phases_and_room_for_a_whole_group() -> None:
    bosses = {kind.name for kind in CREATURES.values() if kind.phases}
    halls = [name for name in world().templates if any(lair.table.kinds.keys() & bosses for lair in lairs()[name])]
    assert halls
    assert all(world().templates[name].described(Stay).visitors_max >= MEMBERS_MAX for name in halls)


# Things


def sources() -> dict[str, set[str]]:
    """Where each kind of thing comes from: shops that sell it, creatures that drop it, recipes that make it."""
    found: dict[str, set[str]] = {name: set() for name in KINDS}
    for shop in SHOPS.values():
        for ware in shop.sells:
            found[ware.item].add(f"shop {shop.name}")
    for drops in DROPS.values():
        for drop in drops.drops:
            found[drop.item].add(f"creature {drops.name}")
    for recipe in RECIPES.values():
        found[recipe.makes].add(f"recipe {recipe.name}")
    return found


def test_every_kind_of_thing_comes_from_somewhere() -> None:
    assert [name for name, where in sources().items() if not where] == []


def test_every_creature_leaves_something_behind() -> None:
    assert set(DROPS) == set(CREATURES)


def test_every_shop_and_every_workshop_that_a_recipe_takes_stands_on_a_map() -> None:
    shops = {shop.shop for zone in world().zones.values() for _, shop in zone.placed(Shop)}
    workshops = {one.kind for zone in world().zones.values() for _, one in zone.placed(Workshop)}
    assert shops == set(SHOPS)
    assert workshops >= {recipe.at for recipe in RECIPES.values() if recipe.at}


def depth(kind: str) -> int:
    """How many things have to be made one from the other until it is there, by the shortest way; 0 for raw material."""
    made = [recipe for recipe in RECIPES.values() if recipe.makes == kind]
    bought = any(not where.startswith("recipe") for where in sources()[kind])
    return 0 if bought or not made else min(1 + max(map(depth, recipe.needs)) for recipe in made)


def test_things_are_made_in_three_steps_and_more() -> None:
    assert {depth(kind) for kind in KINDS} >= {0, 1, 2, 3}


def cheapest() -> dict[str, float]:
    """What each kind costs at least of those that can be had for coins alone: bought, or made of what was bought."""
    cost = {ware.item: float(ware.price) for shop in SHOPS.values() for ware in shop.sells}
    for shop in SHOPS.values():
        cost |= {ware.item: min(cost[ware.item], ware.price) for ware in shop.sells}
    for _ in RECIPES:
        for recipe in RECIPES.values():
            if recipe.needs.keys() <= cost.keys():
                made = sum(cost[kind] * count for kind, count in recipe.needs.items()) / recipe.count
                cost[recipe.makes] = min(made, cost.get(recipe.makes, made))
    return cost


def test_nobody_gets_rich_by_buying_making_and_selling_alone() -> None:
    cost = cheapest()
    paid = [(wanted.item, wanted.price) for shop in SHOPS.values() for wanted in shop.buys]
    assert [(item, price, cost[item]) for item, price in paid if item in cost and price >= cost[item]] == []


def test_a_shop_pays_at_most_half_of_what_a_thing_is_worth_and_asks_more_than_that() -> None:
    for shop in SHOPS.values():
        assert all(2 * wanted.price <= KINDS[wanted.item].price + 1 for wanted in shop.buys), shop.name
        assert all(ware.price > KINDS[ware.item].price for ware in shop.sells), shop.name


# Pictures


def test_every_zone_has_a_picture_that_is_current() -> None:
    behind = [picture.name for picture in pictures(game().world, world()) if not picture.is_current(PICTURES)]
    assert behind == [], "these are behind the maps: run `python docs/refresh.py`"


def test_no_picture_is_of_a_zone_that_is_gone() -> None:
    assert {file.stem for file in PICTURES.glob("*.svg")} == {"world", *world().drawn}


def test_the_document_shows_every_picture() -> None:
    shown = (PICTURES.parents[1] / "world.md").read_text()
    assert [file.name for file in PICTURES.glob("*.svg") if f"](images/zones/{file.name})" not in shown] == []


def test_the_pictures_are_small() -> None:
    assert max(file.stat().st_size for file in PICTURES.glob("*.svg")) < 80_000
