"""What trade conserves."""

from gameserver.game import conserved, total
from gameserver.modules.trade.entities import Purse

conserved("coins", total(Purse, "coins"), sources=("sessions.register",))
