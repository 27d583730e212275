"""What is for sale, and what the market owes to those who were outbid."""

from gameserver.game import Entity, Index, entity


@entity(indexes=("seller", "bidder", Index(("until_ms",), name="until")), big=("price", "least", "bid"))
class Lot(Entity, frozen=True):
    """A thing for sale. ``id``: ``seller/`` and a text of its own; the thing is in the lot, by its holder.

    ``price``: for which it is sold at once, 0 for never; ``least``: the lowest first bid, 0 where bids are not taken;
    ``bid``: the highest so far, whose coins are in the lot.
    """

    id: str
    seller: str
    thing: str
    kind: str
    count: int = 0
    price: int = 0
    least: int = 0
    bid: int = 0
    bidder: str = ""
    until_ms: int = 0


@entity(table="owed", indexes=("player",), big=("coins",))
class Owed(Entity, frozen=True):
    """Coins of a bid that was topped, until its bidder collects them."""

    id: str
    player: str
    coins: int
