"""Coins are in the bank, too."""

from gameserver.game import also_conserved, total
from gameserver.modules.bank.entities import Vault

also_conserved("coins", total(Vault, "coins"))
