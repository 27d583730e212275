"""What the game's shops sell and buy: the data file "shops"."""

from typing import Annotated

import msgspec

from gameserver.game import Record, misnamed, records
from gameserver.modules.items.kinds import KINDS, check_named

WARES_MAX = 30

Price = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Ware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of thing that a shop sells. ``stock``: how many it has at most; ``every_s``: how often one more comes."""

    item: str
    price: Price
    stock: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    every_s: Annotated[int, msgspec.Meta(ge=5, le=86_400)]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of thing that a shop buys, and what it pays for one."""

    item: str
    price: Price


class Shop(Record, frozen=True, kw_only=True):
    """A shop; ``keeper``: who stands in it."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    keeper: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    sells: Annotated[list[Ware], msgspec.Meta(max_length=WARES_MAX)] = []
    buys: Annotated[list[Wanted], msgspec.Meta(max_length=WARES_MAX)] = []

    def problem(self) -> str:
        """What it names twice."""
        for field, named in (("sells", self.sells), ("buys", self.buys)):
            kinds = [each.item for each in named]
            if len(set(kinds)) < len(kinds):
                return f"{field}: a kind is named twice"
        return ""


SHOPS: dict[str, Shop] = records("shops", Shop)


def ware_of(shop: Shop, kind: str) -> Ware | None:
    """What a shop sells of a kind."""
    return next((ware for ware in shop.sells if ware.item == kind), None)


def wanted_by(shop: Shop, kind: str) -> Wanted | None:
    """What a shop pays for a kind."""
    return next((wanted for wanted in shop.buys if wanted.item == kind), None)


def check_shop(shop: Shop, dearest: dict[str, int]) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a shop names what is not there, or coins could be made by trading with it.

    ``dearest``: what any shop pays for a kind.
    """
    for ware in shop.sells:
        check_named("shops", shop, "sells.item", ware.item)
        if ware.price < dearest.get(ware.item, 0):
            misnamed("shops", shop, f"sells.price: {ware.item} is bought for {dearest[ware.item]}, and sold for less")
    for wanted in shop.buys:
        check_named("shops", shop, "buys.item", wanted.item)
        if KINDS[wanted.item].holds:
            misnamed("shops", shop, f"buys.item: {wanted.item} holds things, which would be lost")


def best_prices(shops: dict[str, Shop]) -> dict[str, int]:
    """What is paid for each kind where it is paid best."""
    found: dict[str, int] = {}
    for wanted in (wanted for shop in shops.values() for wanted in shop.buys):
        found[wanted.item] = max(wanted.price, found.get(wanted.item, 0))
    return found


for _shop in SHOPS.values():
    check_shop(_shop, best_prices(SHOPS))
