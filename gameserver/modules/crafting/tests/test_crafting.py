import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Corrupt, NotNow, Rejected
from gameserver.maps.objects import Placed
from gameserver.maps.world import World
from gameserver.modules.crafting import recipes as data
from gameserver.modules.crafting.events import Craft, Recipes
from gameserver.modules.crafting.maps import Workshop
from gameserver.modules.crafting.recipes import RECIPES, WORKSHOPS, Recipe
from gameserver.modules.items.entities import Item
from gameserver.modules.items.kinds import KINDS
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import MEADOW, TOWN, absent, circumstances, fold, play, player, state

SHOPS = tuple(Placed(f"meadow.workshop.{n}", 1, n, Workshop(kind=kind)) for n, kind in enumerate(WORKSHOPS, 1))
WORLD = World(zones={"meadow": replace(MEADOW, objects=SHOPS), "town": TOWN}, start="meadow")
ADA = player()
ORE, COAL = thing("ore", "iron_ore", count=5), thing("coal", "coal", count=3)


def scene(*things: Any) -> State:
    return state(ADA, *things, world=WORLD)


def craft(where: State, recipe: str, id_: str = "e1") -> Any:
    outcome = play(Craft(recipe=recipe), where, circumstances(ADA, id=id_))
    fold(where, outcome)
    return outcome


def refusal(recipe: str, *things: Any) -> str:
    with pytest.raises(Rejected) as refused:
        craft(scene(*things), recipe)
    assert refused.value.message
    return refused.value.code


def test_what_a_recipe_needs_is_gone_and_what_it_makes_is_there() -> None:
    where = scene(ORE, COAL)
    result = craft(where, "iron_bar").result
    assert (result.thing.kind, result.gone) == ("iron_bar", False)
    left = {item.kind: item.count for item in held(where, "ada")}
    needs = RECIPES["iron_bar"].needs
    assert left == {"iron_ore": 5 - needs["iron_ore"], "coal": 3 - needs["coal"], "iron_bar": 1}


def test_what_is_made_is_joined_to_a_stack() -> None:
    where = scene(ORE, COAL, thing("bars", "iron_bar", count=4))
    assert craft(where, "iron_bar").result.gone
    assert where.of(Item)["bars"].count == 5


def test_the_last_of_a_stack_makes_room() -> None:
    full = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX - 1)]
    where = scene(thing("wood", "wood", count=RECIPES["plank"].needs["wood"]), *full)
    craft(where, "plank")
    assert "wood" not in where.of(Item)


FULL = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX - 2)]
REFUSED: dict[str, tuple[str, str, list[Any]]] = {
    "a recipe that is none": ("no_such_recipe", "crown", []),
    "with nothing": ("too_few_things", "iron_bar", []),
    "with too little": ("too_few_things", "iron_bar", [replace(ORE, count=1), COAL]),
    "with another's": ("too_few_things", "iron_bar", [replace(ORE, holder="bob"), COAL]),
    "with what lies in the bank": ("too_few_things", "iron_bar", [replace(ORE, holder="bank:ada"), COAL]),
    "elsewhere": ("no_workshop", "iron_bar", [ORE, COAL, replace(ADA, zone="town")]),
    "with full hands": ("too_many_things", "iron_bar", [ORE, COAL, *FULL]),
    "dead": ("dead", "iron_bar", [ORE, COAL, replace(ADA, dead_until_ms=9)]),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, recipe, things = REFUSED[deed]
    assert refusal(recipe, *things) == code


def test_the_absent_make_nothing() -> None:
    with pytest.raises(NotNow, match="not_here"):
        craft(scene(ORE, COAL, absent(ADA)), "iron_bar")


def test_recipes_are_told() -> None:
    told = play(Recipes(), scene(), circumstances(ADA)).result.recipes
    assert {method.name for method in told} == RECIPES.keys()


WRONG: dict[str, Recipe] = {
    "recipes.json: crown: makes: there is no item 'crown'.": Recipe(
        name="crown", title="Crown", needs={"gem": 1}, makes="crown"
    ),
    "recipes.json: bread: needs: there is no item 'flour'.": Recipe(
        name="bread", title="Bread", needs={"flour": 1}, makes="bread"
    ),
    "recipes.json: axe: count: axe comes as 1 at most.": Recipe(
        name="axe", title="Axe", needs={"wood": 1}, makes="axe", count=2
    ),
    "recipes.json: x: needs: pouch holds things, which would be lost.": Recipe(
        name="x", title="X", needs={"pouch": 1}, makes="backpack"
    ),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_recipe_that_names_what_is_not_there_is_refused(sentence: str) -> None:
    with pytest.raises(Corrupt, match=re.escape(sentence)):
        data.check_recipe(WRONG[sentence])


def test_a_recipe_that_contradicts_itself_is_refused() -> None:
    assert "there is no workshop 'moon'" in replace(RECIPES["plank"], at="moon").problem()
    assert replace(RECIPES["plank"], needs={"plank": 1}).problem() == "needs: plank is made of itself"
    assert "is of unknown kind 'moon'" in Workshop(kind="moon").problem()


@given(st.lists(st.sampled_from([*RECIPES]), max_size=25), st.integers(0, 60))
def test_whatever_is_made_only_what_recipes_say_is_gone(made: list[str], many: int) -> None:
    kinds = sorted({kind for recipe in RECIPES.values() for kind in recipe.needs if KINDS[kind].stacks})
    begun = dict.fromkeys(kinds, many) if many else {}
    where = scene(*(thing(kind, kind, count=min(count, KINDS[kind].stack)) for kind, count in begun.items()))
    before = amounts(where)
    for n, name in enumerate(made):
        try:
            craft(where, name, f"e{n}")
        except Rejected:
            assert amounts(where) == before
            continue
        recipe = RECIPES[name]
        for kind, count in recipe.needs.items():
            before[kind] -= count
        before[recipe.makes] = before.get(recipe.makes, 0) + recipe.count
        before = {kind: count for kind, count in before.items() if count}
        assert amounts(where) == before


def amounts(where: State) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in held(where, "ada"):
        found[item.kind] = found.get(item.kind, 0) + (item.count or 1)
    return found
