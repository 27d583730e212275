"""What becomes of zones' clocks where maps change."""

from gameserver.game import World, fitting
from gameserver.modules.world.entities import PULSE, ZoneClock


def idle(world: World, clock: ZoneClock) -> str:
    """Why a zone's clock has to go, "" when it may stay. Those of the server have names that no zone can have."""
    return "" if world.zone(clock.id) or clock.id.startswith(PULSE) else "clocks of zones that are gone are removed"


fitting(ZoneClock, misfit=idle)
