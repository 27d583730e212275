"""What becomes of creatures where maps change."""

from gameserver.maps.kinds import KINDS
from gameserver.maps.world import World
from gameserver.modules.combat.entities import Creature
from gameserver.rules.fitting import fitting


def superfluous(world: World, creature: Creature) -> str:
    """Why a creature has to go, "" when it may stay. Its zone makes it anew if it is still drawn."""
    zone = world.zones.get(creature.zone)
    if zone is None:
        return f"creatures in zone {creature.zone}, which is gone, are removed"
    if creature.kind not in KINDS:
        return f"creatures of kind {creature.kind}, which is gone, are removed"
    if creature.id not in {spawn.id for spawn in zone.creatures}:
        return f"creatures whose place in {zone.name} is gone are removed"
    if not zone.walkable(creature.x, creature.y):
        return f"creatures in walls or outside of {zone.name} begin anew"
    return ""


fitting(Creature, misfit=superfluous)
