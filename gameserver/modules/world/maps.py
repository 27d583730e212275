"""What becomes of those who stand in zones, and of zones' clocks, where maps change."""

from msgspec.structs import replace

from gameserver.game import Outcome, State, World, fitting
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.relocation import misplaced, place
from gameserver.modules.sessions.entities import Player
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Show


def moved(state: State, body: Body) -> Outcome:
    """Put a player where it may stand; one who is in the world is shown it, by an event of the server."""
    zone, x, y = place(state.world, body)
    shown = (Show(player=body.id),) if state.of(Player)[body.id].present else ()
    return Outcome(put=(replace(body, zone=zone, x=x, y=y, v=body.v + 1),), events=shown)


def idle(world: World, clock: ZoneClock) -> str:
    """Why a zone's clock has to go, "" when it may stay. Those of the server have names that no zone can have."""
    return "" if world.zone(clock.id) or clock.id.startswith(PULSE) else "clocks of zones that are gone are removed"


fitting(Body, misfit=misplaced, cure=moved, components=(Player,))
fitting(ZoneClock, misfit=idle)
