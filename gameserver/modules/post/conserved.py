"""Coins are in letters, too."""

from gameserver.game import also_conserved, total
from gameserver.modules.post.entities import Letter

also_conserved("coins", total(Letter, "coins"))
