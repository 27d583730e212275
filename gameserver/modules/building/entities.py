"""Who may build, and what was built. Times are milliseconds since 1970."""

from gameserver.game import Entity, entity, role
from gameserver.modules.sessions.entities import Player

ALL = "*"


@entity(of=Player)
class Builder(Entity, frozen=True):
    """Whether a player may change maps: 1 for game masters."""

    id: str
    may_build: int = 0


role("builder", Builder, "may_build", "places and removes walls and objects on maps")


@entity(big=("last",))
class Drawing(Entity, frozen=True):
    """The number of the last change. Its one row (``ALL``) is locked by whoever changes a map: one at a time does."""

    id: str
    last: int = 0


@entity(indexes=("zone", "n"), big=("n",))
class Change(Entity, frozen=True):
    """How something on a map is since it was changed. ``id``: that of the object, or the zone and the tile of a wall.

    ``what``: "wall", "floor", "object" or "gone"; ``kind`` and ``properties`` (JSON) are an object's; ``n``: of two
    changes the later one has the greater; ``by``: who made it.
    """

    id: str
    n: int
    zone: str
    what: str
    x: int = 0
    y: int = 0
    kind: str = ""
    properties: str = "{}"
    by: str = ""
    at_ms: int = 0
