"""A thing is in one place, and so is each piece of a stack."""

from gameserver.game import conserved, each, total
from gameserver.modules.items.entities import Item

SINKS = ("items.use", "items.rot", "combat.attack")  # eaten, rotten, worn out

conserved("things", each(Item, when="single"), sources=("combat.attack",), sinks=SINKS)
conserved("stacks", total(Item, "count", by="kind"), sources=("combat.attack",), sinks=SINKS)
