"""Shops make what they sell and coins, and take what they buy and coins out of the world."""

from gameserver.game import also_conserved

also_conserved("coins", sources=("shops.sellto",), sinks=("shops.buyfrom",))
also_conserved("things", sources=("shops.buyfrom",), sinks=("shops.sellto",))
also_conserved("stacks", sources=("shops.buyfrom",), sinks=("shops.sellto",))
