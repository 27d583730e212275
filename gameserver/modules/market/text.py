"""The market in words."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.items.text import carry, listed, named
from gameserver.modules.market.events import (
    Bid,
    Bought,
    Buy,
    Collect,
    Collected,
    ForSale,
    Kept,
    Listed,
    Lots,
    Paid,
    Placard,
    Sell,
    Sold,
    Unlist,
)

command("sell <thing:carried> for <price>", Sell, also=("sell <thing:carried> for <price> coins",))
command("auction <thing:carried> from <least>", Sell, what="Put a thing up for the highest bid.")
command("buy <lot>", Buy)
command("bid <coins> for <lot>", Bid, also=("bid <lot> <coins>",))
command("unlist <lot>", Unlist)
command("lots", Lots, also=("market",))
command("collect", Collect)


@answered(Sell)
def on_sale(data: Placard, event: Sell, sight: Sight) -> str:
    """Say that it is for sale."""
    sight.things["carried"].pop(event.thing, None)
    return f"It is for sale as lot {data.lot}."


@answered(Buy, Unlist)
def bought(data: Bought, event: Buy | Unlist, sight: Sight) -> str:
    """Say what one has now."""
    carry(sight, data.thing)
    return f"You have {named(data.thing)}, and {data.coins} coins."


@answered(Bid)
def bade(data: Paid, event: Bid, sight: Sight) -> str:
    """Say what is left."""
    return f"Yours is the highest bid; you have {data.coins} coins left."


@answered(Lots)
def for_sale(data: ForSale, event: Lots, sight: Sight) -> str:
    """List the lots."""
    return "\n".join(map(_line, data.lots)) if data.lots else "Nothing is for sale."


def _line(lot: Listed) -> str:
    many = f" ({lot.count})" if lot.count > 1 else ""
    price = f", {lot.price} coins" if lot.price else ""
    bid = f", bids from {lot.least}" if lot.least else ""
    return f"{lot.id}  {styled('title', lot.title)}{many} of {styled('name', lot.seller)}{price}{bid}"


@answered(Collect)
def collected(data: Collected, event: Collect, sight: Sight) -> str:
    """Say what was kept."""
    for thing in data.things:
        carry(sight, thing)
    rest = f" You have no room for {data.waiting} more." if data.waiting else ""
    return f"You get {listed(data.things)}; you have {data.coins} coins.{rest}"


@told(Sold)
def sold(notice: Sold, sight: Sight) -> str:
    """Say what was sold."""
    what = "A lot of yours was" if notice.lots == 1 else f"{notice.lots} lots of yours were"
    return styled("good", f"{what} sold for {notice.coins} coins.")


@told(Kept)
def kept(notice: Kept, sight: Sight) -> str:
    """Say that something waits."""
    return styled("good", f"The market keeps {notice.lots} lots for you. Type collect.")
