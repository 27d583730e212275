"""Trading with shops."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Result, event
from gameserver.modules.items.events import Pieces, Thing, ThingId

RESTOCK_S = 5.0

ShopName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a shop")]
KindName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a kind of thing")]


class Priced(Result):
    """A kind of thing with its price in coins; ``stock``: how many there are, left out of what the shop buys."""

    kind: str
    title: str
    price: int
    stock: int = 0


class WareList(Result):
    """What a shop sells, and what it buys."""

    title: str
    keeper: str
    sells: list[Priced]
    buys: list[Priced]


class Purchase(Result):
    """What you bought (``gone``: it was joined to another stack), and the coins that you have left."""

    thing: Thing
    coins: int
    gone: bool = False


class Proceeds(Result):
    """What you were paid, and the coins that you have now."""

    paid: int
    coins: int


@event(lane="trade", result=Purchase)
class BuyFrom(Event):
    """Buy of a shop in your zone; of what does not stack one at a time."""

    shop: ShopName
    kind: KindName
    count: Pieces = 1


@event(lane="trade", result=Proceeds)
class SellTo(Event):
    """Sell a thing that you carry, or a whole stack, to a shop in your zone."""

    shop: ShopName
    thing: ThingId


@event(lane="trade", durable=False, stale_after_s=30.0, result=WareList)
class Wares(Event):
    """Ask what a shop in your zone sells and buys."""

    shop: ShopName


@event(origin="server", durable=False, every_s=RESTOCK_S)
class Restock(Event):
    """What was sold comes again, piece by piece. A late or doubled one harms nothing."""

    n: int
