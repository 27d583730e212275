"""Quests pay coins and things, and take what is brought out of the world."""

from gameserver.game import also_conserved

also_conserved("experience", sources=("quests.turnin",))
also_conserved("coins", sources=("quests.turnin",))
also_conserved("things", sources=("quests.turnin",), sinks=("quests.turnin",))
also_conserved("stacks", sources=("quests.turnin",), sinks=("quests.turnin",))
