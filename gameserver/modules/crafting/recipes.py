"""The recipes that the game has: the data file "recipes"."""

from typing import Annotated

import msgspec

from gameserver.game import Record, misnamed, records
from gameserver.modules.items.kinds import KINDS, Count, check_named

NEEDS_MAX = 6
WORKSHOPS = ("forge", "kitchen", "loom", "still", "bench")


class Recipe(Record, frozen=True, kw_only=True):
    """How a thing is made. ``needs``: how many of which kinds; ``at``: which workshop it takes, "" for none."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    needs: Annotated[dict[str, Count], msgspec.Meta(min_length=1, max_length=NEEDS_MAX)]
    makes: str
    count: Count = 1
    at: str = ""

    def problem(self) -> str:
        """What contradicts itself."""
        if self.at not in ("", *WORKSHOPS):
            return f"at: there is no workshop {self.at!r}, expected one of {', '.join(WORKSHOPS)}"
        return f"needs: {self.makes} is made of itself" if self.makes in self.needs else ""


RECIPES: dict[str, Recipe] = records("recipes", Recipe)


def check_recipe(recipe: Recipe) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a recipe names what is not there, or what may hold things."""
    check_named("recipes", recipe, "makes", recipe.makes)
    if recipe.count > KINDS[recipe.makes].stack:
        misnamed("recipes", recipe, f"count: {recipe.makes} comes as {KINDS[recipe.makes].stack} at most")
    for kind in recipe.needs:
        check_named("recipes", recipe, "needs", kind)
        if KINDS[kind].holds:
            misnamed("recipes", recipe, f"needs: {kind} holds things, which would be lost")


for _recipe in RECIPES.values():
    check_recipe(_recipe)
