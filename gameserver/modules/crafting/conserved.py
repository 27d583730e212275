"""Crafting makes things of others, which are gone then."""

from gameserver.game import also_conserved

also_conserved("things", sources=("crafting.craft",), sinks=("crafting.craft",))
also_conserved("stacks", sources=("crafting.craft",), sinks=("crafting.craft",))
