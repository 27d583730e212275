"""One of each event of building, for tests that go through the whole catalogue."""

from gameserver.modules.building.events import (
    BuildWall,
    ClearWall,
    PlaceObject,
    RemoveObject,
    Survey,
    TendBuilding,
)

PLAYED = {
    "buildwall": lambda n: BuildWall(zone="meadow", x=n % 20, y=3, seq=n),
    "placeobject": lambda n: PlaceObject(zone="meadow", x=n % 20, y=4, kind="sign", properties='{"text":"x"}', seq=n),
    "removeobject": lambda n: RemoveObject(zone="meadow", object="meadow.rat.1", seq=n),
    "survey": lambda n: Survey(zone="meadow", seq=n),
}
TENDED = {"tendbuilding": lambda n: TendBuilding(n=n)}
BORN = {"clearwall": lambda n: ClearWall(zone="meadow", x=n % 20, y=3)}
