"""Making things: what is used up and what is made are one outcome."""

from collections.abc import Sequence

from gameserver.game import Context, Needs, Outcome, Rejected, State, ids, rule
from gameserver.modules.crafting.events import Cookbook, Craft, Crafted, Method, Recipes
from gameserver.modules.crafting.maps import Workshop
from gameserver.modules.crafting.recipes import RECIPES, Recipe
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import Moved, all_taken, held, left_of, made, received, rows_of, shown
from gameserver.modules.sessions.players import actor


def _needs_carried(event: Craft, context: Context) -> Needs:
    return (*rows_of(context.player), ids(Item, context.id))


@rule(needs=_needs_carried, components=carriers.PARTS)
def craft(state: State, event: Craft, context: Context) -> Outcome:
    """What the recipe needs is gone, and what it makes is carried."""
    player = carriers.standing(state, context)
    recipe = RECIPES.get(event.recipe)
    if recipe is None:
        raise Rejected("no_such_recipe", "There is no such recipe.")
    workshops = {workshop.kind for _, workshop in state.zone(carriers.spot(player)[0]).placed(Workshop)}
    if recipe.at and recipe.at not in workshops:
        raise Rejected("no_workshop", f"That takes a {recipe.at}, and there is none in this zone.")
    carried = held(state, player.id)
    used = used_up(carried, recipe)
    new = made(recipe.makes, recipe.count, context.id, player.id)
    moved = received(left_of(carried, used), [new], player.id)
    joined = not any(item.id == new.id for item in moved.put)
    put = {item.id: item for item in (*used.put, *moved.put)}
    return Outcome(result=Crafted(thing=shown(new), gone=joined), put=tuple(put.values()), drop=used.drop)


def used_up(carried: Sequence[Item], recipe: Recipe) -> Moved:
    """What a recipe takes of what is carried. Raises ``Rejected`` ``too_few_things``."""
    return all_taken(carried, recipe.needs)


def _all_recipes(state: State, event: Recipes, context: Context) -> Outcome:
    return Outcome(result=Cookbook(recipes=[_method(recipe) for recipe in RECIPES.values()]))


def _method(recipe: Recipe) -> Method:
    return Method(
        name=recipe.name,
        title=recipe.title,
        needs=recipe.needs,
        makes=recipe.makes,
        count=recipe.count,
        at=recipe.at,
    )


@rule(repeat=_all_recipes)
def recipes(state: State, event: Recipes, context: Context) -> Outcome:
    """What can be made."""
    actor(state, context)
    return _all_recipes(state, event, context)
