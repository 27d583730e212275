"""A creature that is a player's is one row, in one place: made by taming, and gone only when it is let go."""

from gameserver.game import conserved, each
from gameserver.modules.combat.entities import Creature

conserved("companions", each(Creature, when="owned"), sources=("creatures.tame",), sinks=("creatures.release",))
