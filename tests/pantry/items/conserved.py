"""An item is in one place, and what is in jars goes from jar to jar."""

from gameserver.game import conserved, each, total
from tests.pantry.items.entities import Item, Jar, Shelved

conserved("items", each(Item), each(Shelved))
conserved("stocks", total(Jar, "grams", by="kind"), sinks=("items.eat",))
