"""What combat lets mappers draw: zones in which nobody fights."""

from gameserver.game import MapProperties, Zone


class Peace(MapProperties, frozen=True):
    """``safe``: nobody fights in this zone, but duels by consent."""

    safe: bool = False


def is_safe(zone: Zone) -> bool:
    """Whether nobody fights in a zone: nor in one that is on no map."""
    return zone.described(Peace).safe or not zone.objects
