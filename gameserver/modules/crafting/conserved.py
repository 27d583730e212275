"""Crafting makes things of others, which are gone then."""

from gameserver.declare.conserved import also_conserved

also_conserved("things", sources=("crafting.craft",), sinks=("crafting.craft",))
also_conserved("stacks", sources=("crafting.craft",), sinks=("crafting.craft",))
