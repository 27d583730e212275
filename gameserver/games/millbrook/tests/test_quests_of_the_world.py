"""The quests of the bundled world can be done: what they ask for is there, and what they pay makes nobody rich."""

from gameserver.declare.game_package import game
from gameserver.maps.world import load_world
from gameserver.modules.crafting.recipes import RECIPES
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.items.kinds import DROPS
from gameserver.modules.quests.maps import Landmark, Person
from gameserver.modules.quests.quest_kinds import PEOPLE, QUESTS
from gameserver.modules.shops.goods import SHOPS

WORLD = load_world(game().world)
DAILY_COINS_MAX = 60  # what all daily quests together make of a player's day
SOLD = {ware.item: ware.price for shop in SHOPS.values() for ware in shop.sells}


def test_there_are_twenty_quests_of_every_kind_and_chains_and_daily_ones() -> None:
    assert len(QUESTS) >= 20
    assert {goal.do for quest in QUESTS.values() for goal in quest.goals} == {"bring", "kill", "talk", "visit"}
    assert any(quest.after for quest in QUESTS.values())
    assert any(quest.daily for quest in QUESTS.values())


def test_everybody_of_the_data_file_stands_somewhere_once() -> None:
    placed = [who.person for zone in WORLD.zones.values() for _, who in zone.placed(Person)]
    assert sorted(placed) == sorted(PEOPLE)
    landmarks = [mark.landmark for zone in WORLD.zones.values() for _, mark in zone.placed(Landmark)]
    assert len(set(landmarks)) == len(landmarks)


def test_what_is_to_be_brought_is_dropped_sold_or_made() -> None:
    had = {drop.item for drops in DROPS.values() for drop in drops.drops} | SOLD.keys()
    had |= {recipe.makes for recipe in RECIPES.values()}
    asked = {goal.what for quest in QUESTS.values() for goal in quest.goals if goal.do == "bring"}
    assert asked <= had


def test_what_is_to_be_slain_lives_on_a_map() -> None:
    there = {kind for zone in WORLD.drawn.values() for _, lair in zone.placed(Lair) for kind in lair.table.kinds}
    asked = {goal.what for quest in QUESTS.values() for goal in quest.goals if goal.do == "kill"}
    assert asked <= there


def test_daily_quests_pay_no_more_than_a_day_is_worth() -> None:
    daily = [quest for quest in QUESTS.values() if quest.daily]
    assert sum(quest.coins for quest in daily) <= DAILY_COINS_MAX
    assert not [quest.name for quest in daily if quest.items]  # things that are paid could be sold
