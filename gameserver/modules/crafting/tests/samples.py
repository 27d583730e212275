"""One of each event of crafting, for tests that go through the whole catalogue."""

from gameserver.modules.crafting.events import Craft, Recipes

PLAYED = {
    "craft": lambda n: Craft(recipe=("plank", "soup", "x")[n % 3], seq=n),
    "recipes": lambda n: Recipes(seq=n),
}
