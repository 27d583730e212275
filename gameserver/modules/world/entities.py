"""What is kept of the world's own life."""

from gameserver.game import Entity, entity

PULSE = "*"


@entity(big=("tick",))
class ZoneClock(Entity, frozen=True):
    """The last tick that a zone has lived through. The world's own pulse is the zone named ``PULSE``."""

    id: str
    tick: int
