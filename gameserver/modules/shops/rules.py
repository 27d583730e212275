"""Shops: a piece leaves the shelf as it comes into being, and the shelf has one more as time passes."""

from msgspec.structs import replace

from gameserver.game import (
    CLOCK_TOLERANCE_MS,
    Context,
    Entity,
    Field,
    Matching,
    Needs,
    Outcome,
    Rejected,
    State,
    all_of,
    any_of,
    awaited,
    ids,
    matching,
    rule,
    test,
)
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.kinds import kind_of
from gameserver.modules.items.things import held, made, mine, portable, received, rows_of, shown
from gameserver.modules.shops import maps
from gameserver.modules.shops.entities import Shelf
from gameserver.modules.shops.events import (
    BuyFrom,
    Priced,
    Proceeds,
    Purchase,
    Restock,
    SellTo,
    WareList,
    Wares,
)
from gameserver.modules.shops.goods import SHOPS, Shop, Ware, wanted_by, ware_of
from gameserver.modules.trade.entities import Purse

RESTOCKED_MAX = 200  # shelves in one turn; the rest comes with the next
DAY_MS = 86_400_000
PARTS: tuple[type[Entity], ...] = (*carriers.PARTS, Purse)


def shelf_id(shop: str, kind: str) -> str:
    """The id of a shelf."""
    return f"{shop}/{kind}"


def _in_shop(state: State, context: Context, name: str) -> tuple[Fighter, Shop]:
    """The player whose event it is, and a shop in its zone. Raises ``Rejected`` ``no_such_shop``."""
    player = carriers.standing(state, context)
    there = {placed.shop for _, placed in state.zone(carriers.spot(player)[0]).placed(maps.Shop)}
    if name not in there or name not in SHOPS:
        raise Rejected("no_such_shop", "There is no such shop in this zone.")
    return player, SHOPS[name]


def _needs_shelf(event: BuyFrom, context: Context) -> Needs:
    return (
        ids(Shelf, shelf_id(event.shop, event.kind)),
        *rows_of(context.player),
        ids(Item, context.id),
    )


@rule(needs=_needs_shelf, components=PARTS)
def buyfrom(state: State, event: BuyFrom, context: Context) -> Outcome:
    """It is carried, and paid for."""
    player, shop = _in_shop(state, context, event.shop)
    ware = ware_of(shop, event.kind)
    if ware is None:
        raise Rejected("not_sold", f"{shop.keeper} does not sell that.")
    if event.count > kind_of(ware.item).stack:
        raise Rejected("too_many_things", f"Buy {kind_of(ware.item).stack} at a time.")
    shelf = _shelf(state, event.shop, ware)
    if shelf.stock < event.count:
        raise Rejected("sold_out", f"{shop.keeper} has only {shelf.stock} left.")
    purse, price = state.of(Purse)[player.id], ware.price * event.count
    if purse.coins < price:
        raise Rejected("too_few_coins", f"That costs {price} coins, and you have {purse.coins}.")
    poorer = replace(purse, coins=purse.coins - price)
    new = made(ware.item, event.count, context.id, player.id)
    moved = received(held(state, player.id), [new], player.id)
    return Outcome(
        result=Purchase(thing=shown(new), coins=poorer.coins, gone=not any(item.id == new.id for item in moved.put)),
        put=(poorer, _sold(shelf, event.count, ware, context.now_ms), *moved.put),
    )


def _shelf(state: State, shop: str, ware: Ware) -> Shelf:
    """The shelf as it is, or as it is before anything was sold; one of other data has no more than today's."""
    id_ = shelf_id(shop, ware.item)
    found = state.get(Shelf, id_) or Shelf(id=id_, stock=ware.stock, most=ware.stock)
    return replace(found, stock=min(found.stock, ware.stock), most=ware.stock)


def _sold(shelf: Shelf, count: int, ware: Ware, now_ms: int) -> Shelf:
    due_ms = shelf.due_ms if shelf.stock < shelf.most else now_ms + ware.every_s * 1000
    return replace(shelf, stock=shelf.stock - count, due_ms=due_ms)


def _needs_thing(event: SellTo, context: Context) -> Needs:
    return (ids(Item, event.thing),)


@rule(needs=_needs_thing, components=PARTS)
def sellto(state: State, event: SellTo, context: Context) -> Outcome:
    """It is gone, and paid for; what is half worn out brings half."""
    player, shop = _in_shop(state, context, event.shop)
    item = portable(mine(state, player.id, event.thing))
    wanted = wanted_by(shop, item.kind)
    if wanted is None:
        raise Rejected("not_bought", f"{shop.keeper} does not want that.")
    purse, paid = state.of(Purse)[player.id], worth(item, wanted.price)
    richer = replace(purse, coins=purse.coins + paid)
    return Outcome(result=Proceeds(paid=paid, coins=richer.coins), put=(richer,), drop=(item,))


def worth(item: Item, price: int) -> int:
    """What is paid for a thing, or for all of a stack."""
    uses = kind_of(item.kind).uses
    return price * (item.count or 1) * (uses - item.used) // uses if uses else price * (item.count or 1)


def _shelves(event: Wares) -> Needs:
    shop = SHOPS.get(event.shop)
    return (ids(Shelf, *(shelf_id(shop.name, ware.item) for ware in shop.sells), look=True),) if shop else ()


def _what_it_has(state: State, event: Wares, context: Context) -> Outcome:
    shop = SHOPS[event.shop]
    sells = [_priced(ware.item, ware.price, _shelf(state, shop.name, ware).stock) for ware in shop.sells]
    buys = [_priced(wanted.item, wanted.price) for wanted in shop.buys]
    return Outcome(result=WareList(title=shop.title, keeper=shop.keeper, sells=sells, buys=buys))


def _priced(kind: str, price: int, stock: int = 0) -> Priced:
    return Priced(kind=kind, title=kind_of(kind).title, price=price, stock=stock)


@rule(needs=lambda event, context: _shelves(event), repeat=_what_it_has, components=carriers.PARTS)
def wares(state: State, event: Wares, context: Context) -> Outcome:
    """What a shop sells and buys."""
    _in_shop(state, context, event.shop)
    return _what_it_has(state, event, context)


def lacking(now_ms: int) -> Matching:
    """Select shelves to which a piece is due, those too that wait for the time of a clock that was ahead."""
    due = any_of(test("due_ms", "<=", now_ms), test("due_ms", ">", now_ms + DAY_MS + CLOCK_TOLERANCE_MS))
    return matching(Shelf, all_of(test("stock", "<", Field("most")), due), RESTOCKED_MAX)


@rule(needs=lambda event, context: (lacking(context.now_ms),))
def restock(state: State, event: Restock, context: Context) -> Outcome:
    """Each shelf to which a piece is due has one more, and waits for the next."""
    due = [shelf for shelf in state.of(Shelf).values() if _is_due(shelf, context.now_ms)]
    return Outcome(put=tuple(_more(shelf, context.now_ms) for shelf in due))


def _is_due(shelf: Shelf, now_ms: int) -> bool:
    return shelf.stock < shelf.most and not awaited(shelf.due_ms, now_ms, DAY_MS)


def _more(shelf: Shelf, now_ms: int) -> Shelf:
    shop, _, kind = shelf.id.partition("/")
    ware = ware_of(SHOPS[shop], kind) if shop in SHOPS else None
    every_ms = ware.every_s * 1000 if ware else DAY_MS
    return replace(shelf, stock=shelf.stock + 1, due_ms=now_ms + every_ms)
