"""Shops in words."""

from gameserver.game import Sight, answered, command, styled
from gameserver.modules.items.text import carry, named
from gameserver.modules.shops.events import BuyFrom, Priced, Proceeds, Purchase, SellTo, WareList, Wares

command("wares <shop>", Wares, also=("list <shop>",))
command("buyfrom <shop> <kind>", BuyFrom, what="Buy one thing of a shop.", count=1)
command("buyfrom <shop> <count> <kind>", BuyFrom, what="Buy several.")
command("sellto <shop> <thing:carried>", SellTo)


@answered(Wares)
def wares(data: WareList, event: Wares, sight: Sight) -> str:
    """List what a shop sells and buys."""
    sells = ", ".join(map(_priced, data.sells)) or "nothing"
    buys = ", ".join(map(_priced, data.buys)) or "nothing"
    return f"{styled('title', data.title)}. {data.keeper} sells {sells}; and buys {buys}."


def _priced(ware: Priced) -> str:
    stock = f", {ware.stock} left" if ware.stock else ""
    return f"{ware.title} ({ware.kind}: {ware.price} coins{stock})"


@answered(BuyFrom)
def bought(data: Purchase, event: BuyFrom, sight: Sight) -> str:
    """Say what was bought."""
    carry(sight, data.thing, gone=data.gone)
    return f"You buy {named(data.thing)}; you have {data.coins} coins left."


@answered(SellTo)
def sold(data: Proceeds, event: SellTo, sight: Sight) -> str:
    """Say what was paid."""
    sight.things["carried"].pop(event.thing, None)
    return f"You are paid {data.paid} coins; you have {data.coins}."
