"""What maps show of banks and chests."""

from typing import ClassVar

from gameserver.game import MapObject, Marker, Tile, World, Zone, fitting
from gameserver.modules.items.entities import Item
from gameserver.modules.items.maps import put_out

IN_CHEST = "chest:"  # the places of what is in chests begin so


class Counter(MapObject, frozen=True):
    """A bank's counter: whoever is in its zone may use the bank."""

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker("Bank")


class Chest(MapObject, frozen=True):
    """A chest that all share who stand near it. ``holds``: how many things."""

    built_in_play: ClassVar[bool] = False
    holds: int = 40

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker("Chest")

    def problem(self) -> str:
        """A chest that holds too much could not be looked into."""
        return "" if 1 <= self.holds <= 100 else f"holds {self.holds} things, expected 1 to 100"

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """What is in a chest stays there, and an instance does not."""
        return (
            "stands in a template: what is in it would be lost with an instance" if zone.name in world.templates else ""
        )


def in_no_chest(world: World, item: Item) -> str:
    """Why what is in a chest can't stay there, "" when it can."""
    if not item.holder.startswith(IN_CHEST):
        return ""
    id_ = item.holder.removeprefix(IN_CHEST)
    if any(placed.id == id_ for zone in world.zones.values() for placed, _ in zone.placed(Chest)):
        return ""
    return f"things in chest {id_}, which is gone, lie at a spawn of {world.start}"


fitting(Item, misfit=in_no_chest, cure=put_out)
