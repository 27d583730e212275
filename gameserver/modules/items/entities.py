"""What is kept of things: one row each, which is in one place."""

from gameserver.game import Entity, Index, Place, all_of, entity, test


@entity(
    table="things",  # games outside have a table of items of their own
    indexes=(
        "holder",
        Index(("zone",), name="zone", when="lying"),
        Index(("lies_until_ms",), name="lies_until", when="lying"),
    ),
    conditions={"lying": all_of(test("holder", "==", ""), test("zone", "!=", "")), "single": test("count", "==", 0)},
    place=Place("zone", "x", "y", when="lying"),
)
class Item(Entity, frozen=True):
    """A thing, or a stack of so many (``count``; 0 for what does not stack).

    ``holder``: where it is. A player's id: carried; other places begin with a word and a colon (``places``); "" lies on
    a tile, until ``lies_until_ms`` (0 for ever). ``used``: how often; ``v`` counts changes that others see.
    """

    id: str
    kind: str
    count: int = 0
    holder: str = ""
    zone: str = ""
    x: int = 0
    y: int = 0
    lies_until_ms: int = 0
    used: int = 0
    v: int = 0
