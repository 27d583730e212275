"""What is kept of things, one row each, which is in one place; and of places that several players share."""

from gameserver.game import Entity, Index, Place, all_of, entity, test


@entity(table="chest_turns", big=("turn",))
class SharedPlace(Entity, frozen=True):
    """A place into which several players may put things, by a name of its own, as a chest's.

    Whoever puts in or takes out locks it and counts its ``turn``. It is declared, and so locked, before ``Item``: what
    is in the place is selected when whoever was there before is done. A row that is locked after the things does not
    help: PostgreSQL has looked for them by then, and finds none that came meanwhile.
    """

    id: str
    turn: int = 0


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
