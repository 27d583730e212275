"""One of each event of the market, for tests that go through the whole catalogue."""

from gameserver.modules.market.events import Bid, Buy, CloseLots, Collect, Hammer, Lots, Sell, Unlist

LOTS = ("ada/1", "bob/1", "eve/1")
PLAYED = {
    "sell": lambda n: Sell(thing="apples", price=n % 5, least=1, seq=n),
    "buy": lambda n: Buy(lot=LOTS[n % 3], seq=n),
    "bid": lambda n: Bid(lot=LOTS[n % 3], coins=1 + n % 5, seq=n),
    "unlist": lambda n: Unlist(lot=LOTS[n % 3], seq=n),
    "lots": lambda n: Lots(seq=n),
    "collect": lambda n: Collect(seq=n),
}
TENDED = {"closelots": lambda n: CloseLots(n=n)}
BORN = {"hammer": lambda n: Hammer(lot=LOTS[n % 3], bidder=("ada", "bob", "")[n % 3])}
