"""Selling and buying, wherever the other one is."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Notice, Result, event, notice
from gameserver.modules.items.events import Thing, ThingId
from gameserver.modules.trade.events import Coins

LISTED_MAX = 50
HOURS_MAX = 48
CLOSE_S = 10.0

Price = Annotated[int, msgspec.Meta(ge=0, le=1_000_000, description="0 to 1,000,000")]
Hours = Annotated[int, msgspec.Meta(ge=1, le=HOURS_MAX, description=f"1 to {HOURS_MAX}")]
LotId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,200}\Z", description="id of a lot")]
After = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{0,200}\Z", description="id of the last lot that you know")]


class Listed(Result):
    """A lot. ``price``: for which it is sold at once, 0 for never; ``least``: what must be bid, 0 for nothing taken."""

    id: str
    seller: str
    kind: str
    title: str
    count: int
    price: int
    least: int
    bid: int
    until_ms: int


class ForSale(Result):
    """Lots in the order of their ids, 50 at most: ask for those ``after`` the last one."""

    lots: list[Listed]


class Placard(Result):
    """The id of your lot."""

    lot: str


class Bought(Result):
    """What you bought, and the coins that you have left."""

    thing: Thing
    coins: int


class Paid(Result):
    """The coins that you have left."""

    coins: int


class Collected(Result):
    """What the market gave you, the coins that you have now, and how many things wait for which you have no room."""

    things: list[Thing]
    coins: int
    waiting: int


@event(lane="trade", result=Placard)
class Sell(Event):
    """Put a thing that you carry up for sale: at a price, to the highest bid, or both."""

    thing: ThingId
    price: Price = 0
    least: Price = 0
    hours: Hours = 24


@event(lane="trade", result=Bought)
class Buy(Event):
    """Buy a lot for its price."""

    lot: LotId


@event(lane="trade", result=Paid)
class Bid(Event):
    """Bid for a lot. The coins are taken at once; topped, they wait for you to ``collect`` them."""

    lot: LotId
    coins: Coins


@event(lane="trade", result=Bought)
class Unlist(Event):
    """Take back a lot of yours for which nobody has bid."""

    lot: LotId


@event(lane="trade", durable=False, stale_after_s=30.0, result=ForSale)
class Lots(Event):
    """Ask what is for sale."""

    after: After = ""


@event(lane="trade", result=Collected)
class Collect(Event):
    """Take what the market keeps for you: bids that were topped, what you won, what nobody bought."""


@event(origin="server", durable=False, every_s=CLOSE_S)
class CloseLots(Event):
    """Find lots whose time is over."""

    n: int


@event(origin="server", durable=False, stale_after_s=30.0)
class Hammer(Event):
    """Born of ``closelots``: a lot goes to its highest bidder, or back."""

    lot: str
    bidder: str


@notice(durable=True, merge={"lots": "sum", "coins": "sum"})
class Sold(Notice):
    """Of your lots so many were sold, for so many coins, which are in your purse."""

    lots: int
    coins: int


@notice(durable=True, merge={"lots": "sum"})
class Kept(Notice):
    """The market keeps something for you: you won so many lots, or nobody bought them. ``collect`` it."""

    lots: int
