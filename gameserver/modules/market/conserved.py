"""Coins are in bids, and owed to those who were outbid."""

from gameserver.game import also_conserved, total
from gameserver.modules.market.entities import Lot, Owed

also_conserved("coins", total(Lot, "bid"), total(Owed, "coins"))
