"""What combat lets mappers draw: creatures, and zones in which nobody fights; what becomes of them on other maps."""

from typing import ClassVar

from gameserver.game import MapObject, MapProperties, Tile, World, Zone, fitting
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.kinds import KINDS
from gameserver.modules.movement.maps import on_a_portal


class Lair(MapObject, frozen=True):
    """Where a creature of a kind appears, again and again. Its id is the creature's ("meadow.rat.1")."""

    label: ClassVar[str] = "creature"
    colour: ClassVar[str] = "crimson"
    kind: str

    def called(self) -> str:
        """Creatures' ids say their kind."""
        return self.kind

    def problem(self) -> str:
        """The game has such a kind."""
        expected = ", ".join(KINDS)
        return "" if self.kind in KINDS else f"is of unknown kind {self.kind!r}, expected one of {expected}"

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """It does not block a portal."""
        return on_a_portal(zone, at)


class Peace(MapProperties, frozen=True):
    """``safe``: nobody fights in this zone."""

    safe: bool = False


def is_safe(zone: Zone) -> bool:
    """Whether nobody fights in a zone: nor in one that is on no map."""
    return zone.described(Peace).safe or not zone.objects


def superfluous(world: World, creature: Creature) -> str:
    """Why a creature has to go, "" when it may stay. Its zone makes it anew if it is still drawn."""
    zone = world.zones.get(creature.zone)
    if zone is None:
        return f"creatures in zone {creature.zone}, which is gone, are removed"
    if creature.kind not in KINDS:
        return f"creatures of kind {creature.kind}, which is gone, are removed"
    if creature.id not in {placed.id for placed, _ in zone.placed(Lair)}:
        return f"creatures whose place in {zone.name} is gone are removed"
    if not zone.walkable(creature.x, creature.y):
        return f"creatures in walls or outside of {zone.name} begin anew"
    return ""


fitting(Creature, misfit=superfluous)
