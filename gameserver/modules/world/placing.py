"""Who fits into a world as it is drawn today, and where those go who don't: maps change, and bodies stay.

Pure, and the same for whoever asks: a dry run and the real one come to the same places.
"""

from collections.abc import Iterator
from hashlib import sha256
from zlib import crc32

import msgspec
from msgspec.structs import replace

from gameserver.maps.kinds import KINDS
from gameserver.maps.world import World, Zone
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.world.entities import PULSE, ZoneClock

_AROUND = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))


def fingerprint(world: World) -> str:
    """A short hash of all that is drawn, and of all kinds."""
    drawn = [
        replace(zone, walls=sorted(zone.walls), portals=sorted(zone.portals.items()))  # sets have no order
        for _, zone in sorted(world.zones.items())
    ]
    return sha256(msgspec.msgpack.encode([world.start, drawn, list(KINDS.values())])).hexdigest()[:16]


class Atlas:
    """A world, and what is found out of its maps once: which creatures are drawn, and where one can walk."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._drawn = {name: {spawn.id for spawn in zone.creatures} for name, zone in world.zones.items()}
        self._walked: dict[str, set[tuple[int, int]]] = {}

    def misplaced(self, player: Player) -> str:
        """Why a player can't stay where it stands, "" when it can."""
        zone = self._world.zones.get(player.zone)
        if zone is None:
            return f"players in zone {player.zone}, which is gone, go to {self._world.start}"
        if not zone.walkable(player.x, player.y):
            return f"players in walls or outside of {zone.name} go to the nearest free tile"
        return ""

    def place(self, player: Player) -> tuple[str, int, int]:
        """Where a misplaced player goes: a spawn of the start, or the nearest tile to which one can walk."""
        zone = self._world.zones.get(player.zone)
        if zone is None:
            start = self._world.zones[self._world.start]
            return (start.name, *start.spawns[crc32(player.id.encode()) % len(start.spawns)])
        near = min(self._reached(zone), key=lambda at: (max(abs(at[0] - player.x), abs(at[1] - player.y)), at))
        return (zone.name, *near)

    def superfluous(self, creature: Creature) -> str:
        """Why a creature has to go, "" when it may stay. Its zone makes it anew if it is still drawn."""
        zone = self._world.zones.get(creature.zone)
        if zone is None:
            return f"creatures in zone {creature.zone}, which is gone, are removed"
        if creature.kind not in KINDS:
            return f"creatures of kind {creature.kind}, which is gone, are removed"
        if creature.id not in self._drawn[zone.name]:
            return f"creatures whose place in {zone.name} is gone are removed"
        if not zone.walkable(creature.x, creature.y):
            return f"creatures in walls or outside of {zone.name} begin anew"
        return ""

    def idle(self, clock: ZoneClock) -> str:
        """Why a zone's clock has to go, "" when it may stay. Those of the server have names that no zone can have."""
        if clock.id in self._world.zones or clock.id.startswith(PULSE):
            return ""
        return "clocks of zones that are gone are removed"

    def _reached(self, zone: Zone) -> set[tuple[int, int]]:
        """The tiles to which one can walk from a spawn, those of portals left out."""
        if zone.name not in self._walked:
            found = set(zone.spawns)
            frontier = found
            while frontier:
                frontier = {tile for at in frontier for tile in _steps(zone, at)} - found
                found = found | frontier
            self._walked[zone.name] = found
        return self._walked[zone.name]


def _steps(zone: Zone, at: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for dx, dy in _AROUND:
        tile = at[0] + dx, at[1] + dy
        if zone.walkable(*tile) and tile not in zone.portals:
            yield tile
