"""What trade conserves."""

from gameserver.declare.conserved import conserved, total
from gameserver.modules.movement.entities import Player

conserved("coins", total(Player, "coins"), sources=("sessions.register",))
