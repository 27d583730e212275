"""Where creatures appear, as mappers draw it; what becomes of them on other maps."""

from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace

from gameserver.game import MapObject, Outcome, Placed, State, Tile, World, Zone, checks_world, fitting
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.events import Heel
from gameserver.modules.creatures.lairs import TABLES, Table
from gameserver.modules.movement.maps import on_a_portal

CREATURES_MAX = 60  # of all lairs of a zone
SUMMONED = "+"  # between a summoner's id and a number, in the ids of those that it has summoned


class Lair(MapObject, frozen=True):
    """Where creatures appear, again and again: one of a ``kind``, or those of a ``lair``, a table of the data file.

    Its id is that of the first of them ("meadow.rat.1"); the others' have a number behind it.
    """

    label: ClassVar[str] = "creature"
    colour: ClassVar[str] = "crimson"
    kind: str = ""
    lair: str = ""

    def called(self) -> str:
        """Creatures' ids say their kind."""
        return self.kind or self.lair

    def problem(self) -> str:
        """The game has such a kind, or such a table."""
        if bool(self.kind) == bool(self.lair):
            return "needs a kind, or else a lair"
        if self.lair:
            return "" if self.lair in TABLES else f"names a lair {self.lair!r} that lairs.json does not have"
        expected = ", ".join(KINDS)
        return "" if self.kind in KINDS else f"is of unknown kind {self.kind!r}, expected one of {expected}"

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """It does not block a portal."""
        return on_a_portal(zone, at)

    @property
    def table(self) -> Table:
        """What comes from it."""
        return TABLES.get(self.lair) or Table(name=self.kind, kinds={self.kind: 1})


def ids_of(placed: Placed, lair: Lair) -> list[str]:
    """The ids of a lair's creatures."""
    return [placed.id, *(f"{placed.id}.{n}" for n in range(2, lair.table.number + 1))]


def lives_at(creature: str, place: str) -> bool:
    """Whether a creature of this id comes from a lair of that id, or was summoned by one that does."""
    first, _, number = creature.partition(SUMMONED)[0].rpartition(".")
    return creature.partition(SUMMONED)[0] == place or (first == place and number.isdigit())


def homes(zone: Zone) -> dict[str, Tile]:
    """Where each creature of a zone is at home, by its id."""
    return {id_: (placed.x, placed.y) for placed, lair in zone.placed(Lair) for id_ in ids_of(placed, lair)}


@checks_world
def no_zone_is_overrun(world: World) -> Iterator[tuple[str, str]]:
    """Find zones with more creatures than one can bear."""
    for zone in world.drawn.values():
        if (many := len(homes(zone))) > CREATURES_MAX:
            yield zone.name, f"has {many} creatures, and {CREATURES_MAX} are the most"


def superfluous(world: World, creature: Creature) -> str:
    """Why a creature can't stay, "" when it may. Its zone makes it anew if it is still drawn."""
    if creature.owner:
        return _stray(world, creature)
    zone = world.zone(creature.zone)
    if zone is None:
        return f"creatures in zone {creature.zone}, which is gone, are removed"
    if creature.kind not in KINDS:
        return f"creatures of kind {creature.kind}, which is gone, are removed"
    if creature.id.partition(SUMMONED)[0] not in homes(zone):
        return f"creatures whose place in {zone.name} is gone are removed"
    if not zone.walkable(creature.x, creature.y):
        return f"creatures in walls or outside of {zone.name} begin anew"
    return ""


def _stray(world: World, creature: Creature) -> str:
    zone = world.zone(creature.zone)
    lost = creature.zone and (zone is None or not zone.walkable(creature.x, creature.y))
    return "players' creatures in places that are gone wait for their owners" if lost else ""


def removed_or_kept(state: State, creature: Creature) -> Outcome:
    """A creature goes; one that is somebody's looks for its owner, or waits for one who is away: it is never lost."""
    if creature.owner:
        waits = replace(creature, zone="", prey="", v=creature.v + 1)
        return Outcome(put=(waits,), events=(Heel(creature=creature.id, owner=creature.owner),))
    return Outcome(drop=(creature,))


fitting(Creature, misfit=superfluous, cure=removed_or_kept)
