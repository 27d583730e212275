"""The market: a lot's thing and its highest bid are in the lot, until one outcome brings both where they belong.

Who was outbid is not among those whose rows a bid may lock: the coins wait as a row of their own (``Owed``).
"""

from collections.abc import Iterable

from msgspec.structs import replace

from gameserver.game import (
    Context,
    Entity,
    Listing,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    awaited,
    ids,
    mail_count,
    portion,
    rule,
    where,
)
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.kinds import kind_of
from gameserver.modules.items.things import CARRIED_MAX, held, mine, placed, portable, received, rows_of, shown
from gameserver.modules.market.entities import Lot, Owed
from gameserver.modules.market.events import (
    LISTED_MAX,
    Bid,
    Bought,
    Buy,
    CloseLots,
    Collect,
    Collected,
    ForSale,
    Hammer,
    Kept,
    Listed,
    Lots,
    Paid,
    Placard,
    Sell,
    Sold,
    Unlist,
)
from gameserver.modules.market.maps import Stall
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse

LOTS_MAX = 20  # of one seller
BIDS_MAX = 20  # highest bids of one player
OWED_MAX = 20  # topped bids that wait for a player who bids again
KEPT_MAX = 60  # things that wait for a player who sells or bids
HOUR_MS = 3_600_000
CLOSED_MAX = 100  # in one turn; the rest comes with the next
PARTS: tuple[type[Entity], ...] = (*carriers.PARTS, Purse)


def in_lot(lot: str) -> str:
    """The place of what is for sale."""
    return f"lot:{lot}"


def kept_for(player: str) -> str:
    """The place of what the market keeps for a player."""
    return f"market:{player}"


def seller_of(lot: str) -> str:
    """Who sells a lot: its id says so, so that a buyer's event can lock the seller."""
    return lot.partition("/")[0]


def _at_stall(state: State, context: Context) -> Fighter:
    player = carriers.standing(state, context)
    if not state.zone(carriers.spot(player)[0]).placed(Stall):
        raise Rejected("no_market", "There is no market in this zone.")
    return player


def _needs_thing(event: Sell, context: Context) -> Needs:
    return (
        ids(Item, event.thing),
        *rows_of(kept_for(context.player)),
        where(Lot, seller=context.player),
        ids(Lot, _new_lot(context)),
    )


def _new_lot(context: Context) -> str:
    return f"{context.player}/{context.id}"


@rule(needs=_needs_thing, components=PARTS)
def sell(state: State, event: Sell, context: Context) -> Outcome:
    """It is in the lot."""
    seller = _at_stall(state, context)
    item = portable(mine(state, seller.id, event.thing))
    if not event.price and not event.least:
        raise Rejected("no_price", "Name a price, or the least bid, or both.")
    if sum(lot.seller == seller.id for lot in state.of(Lot).values()) >= LOTS_MAX:
        raise Rejected("too_many_lots", f"You have {LOTS_MAX} lots already.")
    _check_kept(state, seller.id)
    lot = Lot(
        id=_new_lot(context),
        seller=seller.id,
        thing=item.id,
        kind=item.kind,
        count=item.count,
        price=event.price,
        least=event.least,
        until_ms=context.now_ms + event.hours * HOUR_MS,
    )
    return Outcome(result=Placard(lot=lot.id), put=(lot, placed(item, in_lot(lot.id))))


def _check_kept(state: State, player: str) -> None:
    if len(held(state, kept_for(player))) >= KEPT_MAX:
        raise Rejected("collect_first", "Collect what the market keeps for you first.")


def _needs_lot(event: Buy | Bid | Unlist, context: Context) -> Needs:
    seller = seller_of(event.lot)
    return (
        ids(Lot, event.lot),
        where(Lot, bidder=context.player),
        ids(Owed, context.id),
        where(Owed, player=context.player),
        ids(Player, seller),
        ids(Purse, seller),
        *rows_of(context.player, in_lot(event.lot), kept_for(context.player)),
        mail_count(seller),
    )


def _open_lot(state: State, id_: str, now_ms: int) -> tuple[Lot, Item]:
    """A lot that is open, and what is in it. Raises ``Rejected`` ``no_such_lot``."""
    lot = state.get(Lot, id_)
    if lot is None or not awaited(lot.until_ms, now_ms, HOUR_MS * 48) or lot.seller not in state.of(Player):
        raise Rejected("no_such_lot", "It is not for sale, or not any more.")
    return lot, state.of(Item)[lot.thing]


def _check_buyer(state: State, lot: Lot, player: Fighter, coins: int) -> Purse:
    """The buyer's purse without the coins. Raises ``Rejected``: ``own_lot``, ``too_few_coins``."""
    if lot.seller == player.id:
        raise Rejected("own_lot", "It is yours.")
    purse = state.of(Purse)[player.id]
    if purse.coins < coins:
        raise Rejected("too_few_coins", f"You have only {purse.coins} coins.")
    return replace(purse, coins=purse.coins - coins)


def topped(lot: Lot, id_: str) -> tuple[Owed, ...]:
    """What is owed to who bid highest so far."""
    return (Owed(id=id_, player=lot.bidder, coins=lot.bid),) if lot.bid else ()


@rule(needs=_needs_lot, components=PARTS)
def buy(state: State, event: Buy, context: Context) -> Outcome:
    """The thing is the buyer's, the price the seller's, who is told; a bid is owed to its bidder."""
    player = _at_stall(state, context)
    lot, item = _open_lot(state, event.lot, context.now_ms)
    if not lot.price:
        raise Rejected("no_price", "It goes to the highest bid alone.")
    purse = _check_buyer(state, lot, player, lot.price)
    moved = received(held(state, player.id), [item], player.id)
    seller = state.of(Purse)[lot.seller]
    return Outcome(
        result=Bought(thing=shown(item), coins=purse.coins),
        put=(purse, replace(seller, coins=seller.coins + lot.price), *topped(lot, context.id), *moved.put),
        drop=(lot, *moved.drop),
        notifications=(Notification(notice=Sold(lots=1, coins=lot.price), player=lot.seller),),
    )


@rule(needs=_needs_lot, components=PARTS)
def bid(state: State, event: Bid, context: Context) -> Outcome:
    """The coins are in the lot; those of the bid before are owed to its bidder."""
    player = _at_stall(state, context)
    lot, _ = _open_lot(state, event.lot, context.now_ms)
    if not lot.least:
        raise Rejected("no_bids", "It is sold for its price alone.")
    if event.coins < lot.least or event.coins <= lot.bid:
        raise Rejected("bid_too_low", f"Bid more than {max(lot.bid, lot.least - 1)} coins.")
    purse = _check_buyer(state, lot, player, event.coins)
    _check_bidder(state, player.id)
    higher = replace(lot, bid=event.coins, bidder=player.id)
    return Outcome(result=Paid(coins=purse.coins), put=(purse, higher, *topped(lot, context.id)))


def _check_bidder(state: State, player: str) -> None:
    """Bound what may wait for one bidder. Raises ``Rejected``: ``collect_first``, ``too_many_bids``."""
    _check_kept(state, player)
    if sum(owed.player == player for owed in state.of(Owed).values()) >= OWED_MAX:
        raise Rejected("collect_first", "Collect what the market keeps for you first.")
    if sum(lot.bidder == player for lot in state.of(Lot).values()) >= BIDS_MAX:
        raise Rejected("too_many_bids", f"You have the highest bid for {BIDS_MAX} lots already.")


@rule(needs=_needs_lot, components=PARTS)
def unlist(state: State, event: Unlist, context: Context) -> Outcome:
    """It is carried again."""
    player = _at_stall(state, context)
    lot, item = _open_lot(state, event.lot, context.now_ms)
    if lot.seller != player.id:
        raise Rejected("no_such_lot", "It is not yours.")
    if lot.bid:
        raise Rejected("has_bids", "Somebody has bid for it.")
    moved = received(held(state, player.id), [item], player.id)
    result = Bought(thing=shown(item), coins=state.of(Purse)[player.id].coins)
    return Outcome(result=result, put=moved.put, drop=(lot, *moved.drop))


def _on_page(event: Lots) -> Listing[Lot]:
    return portion(Lot, LISTED_MAX, "id", event.after)


def _what_is_for_sale(state: State, event: Lots, context: Context) -> Outcome:
    return Outcome(result=ForSale(lots=[_listed(lot) for lot in state.found(_on_page(event))]))


@rule(needs=lambda event, context: (_on_page(event),), repeat=_what_is_for_sale, components=carriers.PARTS)
def lots(state: State, event: Lots, context: Context) -> Outcome:
    """A page of what is for sale."""
    _at_stall(state, context)
    return _what_is_for_sale(state, event, context)


def _listed(lot: Lot) -> Listed:
    return Listed(
        id=lot.id,
        seller=lot.seller,
        kind=lot.kind,
        title=kind_of(lot.kind).title,
        count=lot.count,
        price=lot.price,
        least=max(lot.least, lot.bid + 1) if lot.least else 0,
        bid=lot.bid,
        until_ms=lot.until_ms,
    )


def _needs_kept(event: Collect, context: Context) -> Needs:
    return (where(Owed, player=context.player), *rows_of(context.player, kept_for(context.player)))


@rule(needs=_needs_kept, components=PARTS)
def collect(state: State, event: Collect, context: Context) -> Outcome:
    """All coins, and as many things as there is room for."""
    player = _at_stall(state, context)
    owed = [one for one in state.of(Owed).values() if one.player == player.id]
    there, kept = held(state, player.id), held(state, kept_for(player.id))
    things = kept[: max(0, CARRIED_MAX - len(there))]
    moved = received(there, things, player.id)
    purse = state.of(Purse)[player.id]
    richer = replace(purse, coins=purse.coins + _sum(owed))
    result = Collected(things=[shown(item) for item in things], coins=richer.coins, waiting=len(kept) - len(things))
    return Outcome(result=result, put=(richer, *moved.put), drop=(*owed, *moved.drop))


def _sum(owed: Iterable[Owed]) -> int:
    return sum(one.coins for one in owed)


CLOSING: Listing[Lot] = portion(Lot, CLOSED_MAX, "until_ms", 0)


@rule(needs=lambda event, context: (CLOSING,))
def closelots(state: State, event: CloseLots, context: Context) -> Outcome:
    """Each lot whose time is over is closed by an event of its own, which locks it."""
    due = [lot for lot in state.found(CLOSING) if _is_over(lot, context.now_ms)]
    return Outcome(events=tuple(Hammer(lot=lot.id, bidder=lot.bidder) for lot in due))


def _is_over(lot: Lot, now_ms: int) -> bool:
    return not awaited(lot.until_ms, now_ms, HOUR_MS * 48)


def _needs_bidder(event: Hammer, context: Context) -> Needs:
    people = [name for name in (seller_of(event.lot), event.bidder) if name]
    return (
        ids(Player, *people),
        ids(Purse, seller_of(event.lot)),
        ids(Lot, event.lot),
        *rows_of(in_lot(event.lot)),
        *(mail_count(name) for name in people),
    )


@rule(needs=_needs_bidder)
def hammer(state: State, event: Hammer, context: Context) -> Outcome:
    """The bid is the seller's, and the thing is kept for who won it, or for the seller."""
    lot = state.get(Lot, event.lot)
    if lot is None or lot.bidder != event.bidder or not _is_over(lot, context.now_ms):
        return Outcome()
    if lot.seller not in state.of(Player):
        return Outcome()  # nobody could be paid
    item = state.of(Item)[lot.thing]
    owner = lot.bidder or lot.seller
    told = Notification(notice=Kept(lots=1), player=owner)
    kept = Outcome(put=(placed(item, kept_for(owner)),), drop=(lot,), notifications=(told,))
    if not lot.bid:
        return kept
    seller = state.of(Purse)[lot.seller]
    sold = Notification(notice=Sold(lots=1, coins=lot.bid), player=lot.seller)
    paid = replace(seller, coins=seller.coins + lot.bid)
    return replace(kept, put=(*kept.put, paid), notifications=(told, sold))
