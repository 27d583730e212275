"""What trade conserves."""

from gameserver.declare.conserved import conserved, total
from gameserver.modules.trade.entities import Purse

conserved("coins", total(Purse, "coins"), sources=("sessions.register",))
