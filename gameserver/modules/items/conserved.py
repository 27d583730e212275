"""A thing is in one place, and so is each piece of a stack."""

from gameserver.game import conserved, each, total
from gameserver.modules.items.entities import Item

SOURCES = ("combat.slain",)  # what creatures leave
SINKS = ("items.use", "items.rot", "combat.attack", "combat.cleave")  # eaten, rotten, worn out

conserved("things", each(Item, when="single"), sources=SOURCES, sinks=SINKS)
conserved("stacks", total(Item, "count", by="kind"), sources=SOURCES, sinks=SINKS)
