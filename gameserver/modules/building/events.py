"""Building: what game masters do to maps, and what those see who are there."""

from typing import Annotated

import msgspec

from gameserver.game import EntityId, Event, Notice, Result, event, notice

TEND_S = 5.0

ZoneName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a zone")]
Column = Annotated[int, msgspec.Meta(ge=0, le=1023, description="0 to 1023")]
ObjectKind = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="class of an object, as in Tiled")]
Properties = Annotated[
    str,
    msgspec.Meta(pattern=r"^[^\x00]{2,500}\Z", description="JSON object, 500 characters at most"),
]


class Built(Result):
    """What was built: the id of an object; of a wall its zone and tile."""

    id: str


class Seen(Result):
    """An object on a map."""

    id: str
    kind: str
    x: int
    y: int


class Surveyed(Result):
    """What stands in a zone. ``changes``: how many changes the maps' files do not show yet."""

    objects: list[Seen]
    changes: int


@event(lane="act", result=Built)
class BuildWall(Event):
    """Build a wall on a tile, or (``floor``) take it away. For game masters."""

    zone: ZoneName
    x: Column
    y: Column
    floor: bool = False


@event(lane="act", result=Built)
class PlaceObject(Event):
    """Put an object on a tile: a sign, a creature's place, a portal. For game masters."""

    zone: ZoneName
    x: Column
    y: Column
    kind: ObjectKind
    properties: Properties = "{}"


@event(lane="act", result=Built)
class RemoveObject(Event):
    """Take an object off a map. For game masters."""

    zone: ZoneName
    object: EntityId


@event(lane="act", durable=False, stale_after_s=10.0, result=Surveyed)
class Survey(Event):
    """Ask what stands in a zone. For game masters."""

    zone: ZoneName


@event(origin="server", durable=False, every_s=TEND_S)
class TendBuilding(Event):
    """Find those who walked into a wall while not every worker knew of it."""

    n: int


@event(origin="server", durable=False, stale_after_s=30.0)
class ClearWall(Event):
    """Born of ``tendbuilding``: who stands in a new wall stands beside it."""

    zone: str
    x: int
    y: int


@notice()
class Walled(Notice):
    """A tile of your zone's map has changed. ``wall``: nobody can walk there."""

    zone: str
    x: int
    y: int
    wall: bool


@notice()
class Placed(Notice):
    """An object was put on your zone's map. ``leads_to``: of a portal, the zone."""

    zone: str
    id: str
    kind: str
    x: int
    y: int
    leads_to: str = ""


@notice()
class Unplaced(Notice):
    """An object was taken off your zone's map. ``x``, ``y``: where it stood."""

    zone: str
    id: str
    x: int
    y: int


@notice()
class Signs(Notice):
    """What the signs say that you see."""

    texts: list[str]
