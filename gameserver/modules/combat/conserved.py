"""What combat conserves: experience comes from what was slain, and is lost by death alone."""

from gameserver.game import conserved, total
from gameserver.modules.combat.entities import Strength

conserved("experience", total(Strength, "xp"), sources=("combat.reward",), sinks=("combat.fall",))
