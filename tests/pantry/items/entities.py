"""What is kept of items."""

from gameserver.declare.entity import Entity, Place, entity
from gameserver.declare.field_conditions import test


@entity(
    indexes=("holder", "zone"),
    conditions={"lying": test("holder", "==", "")},
    place=Place("zone", "x", "y", when="lying"),
)
class Item(Entity, frozen=True):
    """A thing that lies somewhere or is carried."""

    id: str
    kind: str
    holder: str = ""
    zone: str = ""
    x: int = 0
    y: int = 0


@entity(of=Item, within=True)
class Label(Entity, frozen=True):
    """What is written on an item. It stands in the item's row."""

    id: str
    text: str = ""


@entity(of=Item)
class Wear(Entity, frozen=True):
    """How often an item was used."""

    id: str
    uses: int = 0


@entity()
class Shelved(Entity, frozen=True):
    """An item on a shelf, which lies nowhere and is carried by nobody."""

    id: str
    kind: str


@entity(indexes=("holder",))
class Jar(Entity, frozen=True):
    """So much of something, in a jar."""

    id: str
    kind: str
    grams: int
    holder: str = ""
