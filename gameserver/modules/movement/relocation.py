"""Relocate players after maps changed: who can't stand where they are as the world is drawn today, and where they go.

Pure, and the same for whoever asks: a dry run and the real one come to the same places.
"""

from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

from msgspec.structs import replace

from gameserver.game import Outcome, State, World, Zone
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Show
from gameserver.modules.movement.maps import Portal, spawns
from gameserver.modules.sessions.entities import Player

Tile = tuple[int, int]

_AROUND = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))


def misplaced(world: World, body: Body) -> str:
    """Why a player can't stay where it stands, "" when it can."""
    zone = world.zone(body.zone)
    if zone is None:
        return f"players in zone {body.zone}, which is gone, go to {world.start}"
    if not zone.walkable(body.x, body.y):
        return f"players in walls or outside of {zone.name} go to the nearest free tile"
    return ""


def place(world: World, body: Body) -> tuple[str, int, int]:
    """Where a misplaced player goes: a spawn of the start, or the nearest tile to which one can walk."""
    zone = world.zone(body.zone)
    if zone is None:
        start = world.zones[world.start]
        return (start.name, *spawns(start)[crc32(body.id.encode()) % len(spawns(start))])
    near = min(_reached(_Ground(zone)), key=lambda at: (max(abs(at[0] - body.x), abs(at[1] - body.y)), at))
    return (zone.name, *near)


class _Ground:
    """A zone, as a key of what is found out of it once."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def __hash__(self) -> int:
        return hash((self.zone.name, self.zone.walls))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ground) and self.zone == other.zone


@lru_cache(maxsize=16)
def _reached(ground: _Ground) -> set[Tile]:
    """The tiles to which one can walk from a spawn, those of portals left out."""
    found = set(spawns(ground.zone))
    frontier = found
    while frontier:
        frontier = {tile for at in frontier for tile in _steps(ground.zone, at)} - found
        found = found | frontier
    return found


def _steps(zone: Zone, at: Tile) -> Iterator[Tile]:
    for dx, dy in _AROUND:
        tile = at[0] + dx, at[1] + dy
        if zone.walkable(*tile) and zone.on(Portal, *tile) is None:
            yield tile


def moved(state: State, body: Body) -> Outcome:
    """Put a player where it may stand; one who is in the world is shown it, by an event of the server."""
    zone, x, y = place(state.world, body)
    shown = (Show(player=body.id),) if state.of(Player)[body.id].present else ()
    return Outcome(put=(replace(body, zone=zone, x=x, y=y, v=body.v + 1),), events=shown)
