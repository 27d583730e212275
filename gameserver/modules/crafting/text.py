"""Crafting in words."""

from gameserver.game import Sight, answered, command, styled
from gameserver.modules.crafting.events import Cookbook, Craft, Crafted, Method, Recipes
from gameserver.modules.items.events import Inventory
from gameserver.modules.items.text import named

command("craft <recipe>", Craft, also=("make <recipe>",))
command("recipes", Recipes)


@answered(Craft)
def crafted(data: Crafted, event: Craft, sight: Sight) -> str:
    """Say what was made."""
    sight.wish(Inventory())  # what it was made of is gone
    return f"You make {named(data.thing)}."


@answered(Recipes)
def recipes(data: Cookbook, event: Recipes, sight: Sight) -> str:
    """List what can be made."""
    return "\n".join(map(_line, data.recipes)) if data.recipes else "Nothing can be made here."


def _line(recipe: Method) -> str:
    needs = ", ".join(f"{count} {kind}" for kind, count in recipe.needs.items())
    where = f" (at: {recipe.at})" if recipe.at else ""
    return f"{recipe.name}  {styled('title', recipe.title)}: {needs}{where}"
