"""One of each event of shops, for tests that go through the whole catalogue."""

from gameserver.modules.shops.events import BuyFrom, Restock, SellTo, Wares

PLAYED = {
    "buyfrom": lambda n: BuyFrom(shop="store", kind=("apple", "bread", "x")[n % 3], seq=n),
    "sellto": lambda n: SellTo(shop="store", thing="apples", seq=n),
    "wares": lambda n: Wares(shop="store", seq=n),
}
TENDED = {"restock": lambda n: Restock(n=n)}
