"""Where players stand. Times are milliseconds since 1970, 0 for never."""

from gameserver.game import Entity, Index, Often, Place, entity
from gameserver.modules.sessions.entities import Player


# Only those present are looked for by place: that index stays as small as the crowd, however many accounts there are.
@entity(
    of=Player,
    within=True,
    place=Place("zone", "x", "y", when="present"),
    indexes=(Index(("zone",), name="present", when="present"),),
    often=Often("whereabouts", ("x", "y", "v", "steps_due_ms")),
)
class Body(Entity, frozen=True):
    """A player's body. ``v`` counts changes that others see.

    ``steps_due_ms``: when the steps taken so far would be due at the speed limit.
    """

    id: str
    zone: str
    x: int
    y: int
    v: int = 0
    steps_due_ms: int = 0
