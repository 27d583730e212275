"""What movement lets mappers draw: where one begins, and portals from zone to zone."""

from collections.abc import Iterator
from typing import ClassVar

from gameserver.game import MapObject, Tile, World, Zone, checks_world


class Spawn(MapObject, frozen=True):
    """A tile on which new players begin, and those who come back to life."""

    colour: ClassVar[str] = "white"

    def caption(self) -> str:
        """Its mark says enough."""
        return ""

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """Nobody begins on a portal."""
        return on_a_portal(zone, at)


class Portal(MapObject, frozen=True):
    """Where who steps on it arrives: a zone's name and a tile."""

    colour: ClassVar[str] = "royalblue"

    zone: str
    x: int
    y: int

    def caption(self) -> str:
        """Where it leads."""
        return f"to {self.zone}"

    def leads_to(self) -> tuple[str, Tile]:
        """The zone and the tile on the other side."""
        return self.zone, (self.x, self.y)

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """It leads to a tile on which one can stay."""
        there = world.zones.get(self.zone)
        if zone.on(Portal, *at) is not self:
            return "stands on a portal"
        if there is None:
            return f"leads to an unknown zone, {self.zone!r}"
        if not there.walkable(self.x, self.y):
            return f"leads to {self.zone!r}, into a wall or outside at {(self.x, self.y)}"
        return (
            f"leads to {self.zone!r}, onto a portal at {(self.x, self.y)}" if there.on(Portal, self.x, self.y) else ""
        )


def on_a_portal(zone: Zone, at: Tile) -> str:
    """What is wrong with an object that stands on a portal, "" where it does not."""
    return "stands on a portal" if zone.on(Portal, *at) else ""


def spawns(zone: Zone) -> list[Tile]:
    """The tiles on which one begins in a zone."""
    return [(placed.x, placed.y) for placed, _ in zone.placed(Spawn)]


@checks_world
def one_can_begin_everywhere(world: World) -> Iterator[tuple[str, str]]:
    """Find zones without a spawn."""
    yield from ((zone.name, "has no spawn") for zone in world.drawn.values() if not spawns(zone))


@checks_world
def portals_lead_everywhere(world: World) -> Iterator[tuple[str, str]]:
    """Find zones that nobody reaches from the start."""
    reached: set[str] = set()
    frontier = {world.start}
    while frontier:
        reached |= frontier
        frontier = {portal.zone for name in frontier for _, portal in world.zones[name].placed(Portal)} - reached
    lost = sorted(world.zones.keys() - reached)
    if lost:
        yield "", f"no portals lead from {world.start!r} to {', '.join(lost)}"
