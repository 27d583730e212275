import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Corrupt, NotNow, Rejected
from gameserver.maps.objects import Placed
from gameserver.maps.world import World
from gameserver.modules.crafting.recipes import RECIPES
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.modules.shops import maps
from gameserver.modules.shops.entities import Shelf
from gameserver.modules.shops.events import BuyFrom, Restock, SellTo, Wares
from gameserver.modules.shops.goods import SHOPS, Shop, Wanted, Ware, best_prices, check_shop, ware_of
from gameserver.modules.shops.rules import worth
from gameserver.modules.trade.entities import Purse
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import MEADOW, NOW_MS, TOWN, absent, circumstances, fold, play, player, state
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

STORE = (
    Placed("meadow.shop.8", 1, 1, maps.Shop(shop="store")),
    Placed("meadow.shop.9", 1, 2, maps.Shop(shop="smithy")),
)
WORLD = World(zones={"meadow": replace(MEADOW, objects=STORE), "town": TOWN}, start="meadow")
ADA = player()
APPLE = ware_of(SHOPS["store"], "apple")
assert APPLE is not None


def scene(*things: Any) -> State:
    return state(ADA, *things, world=WORLD)


def do(where: State, event: Any, id_: str = "e1", now_ms: int = NOW_MS) -> Any:
    outcome = play(event, where, circumstances(ADA, id=id_, now_ms=now_ms))
    fold(where, outcome)
    return outcome


def refusal(event: Any, *things: Any) -> str:
    with pytest.raises(Rejected) as refused:
        do(scene(*things), event)
    assert refused.value.message
    return refused.value.code


def test_what_is_bought_is_paid_for_and_is_one_less_on_the_shelf() -> None:
    where = scene()
    bought = do(where, BuyFrom(shop="store", kind="apple", count=3)).result
    assert (bought.thing.count, bought.coins) == (3, 100 - 3 * APPLE.price)
    assert where.of(Shelf)["store/apple"].stock == APPLE.stock - 3
    told = {priced.kind: priced.stock for priced in do(where, Wares(shop="store")).result.sells}
    assert told["apple"] == APPLE.stock - 3


def test_what_was_sold_comes_again_piece_by_piece_and_a_doubled_tick_brings_nothing() -> None:
    where = scene()
    do(where, BuyFrom(shop="store", kind="apple", count=2))
    for n, (at_s, stock) in enumerate(((APPLE.every_s - 1, -2), (APPLE.every_s, -1), (APPLE.every_s, -1))):
        fold(where, play(Restock(n=n), where, circumstances(now_ms=NOW_MS + at_s * 1000)))
        assert where.of(Shelf)["store/apple"].stock == APPLE.stock + stock
    for _ in range(5):
        fold(where, play(Restock(n=9), where, circumstances(now_ms=NOW_MS + 9 * APPLE.every_s * 1000)))
    assert where.of(Shelf)["store/apple"].stock == APPLE.stock


def test_a_tick_of_a_clock_that_was_ahead_stops_no_shelf() -> None:
    ahead = Shelf(id="store/apple", stock=0, most=APPLE.stock, due_ms=NOW_MS + 10 * 365 * 86_400_000)
    fold(where := scene(ahead), play(Restock(n=1), where, circumstances(now_ms=NOW_MS)))
    assert where.of(Shelf)["store/apple"].stock == 1


def test_a_shop_pays_for_a_whole_stack_and_less_for_what_is_worn() -> None:
    (price,) = [wanted.price for wanted in SHOPS["smithy"].buys if wanted.item == "iron_bar"]
    sold = do(scene(thing("bars", "iron_bar", count=4)), SellTo(shop="smithy", thing="bars"))
    assert (sold.result.paid, sold.result.coins, [item.id for item in sold.drop]) == (
        4 * price,
        100 + 4 * price,
        ["bars"],
    )
    assert worth(thing("sword", used=250), 30) == 15


FULL = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX)]
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "in a shop that is none": ("no_such_shop", BuyFrom(shop="x", kind="apple"), []),
    "in a shop elsewhere": ("no_such_shop", BuyFrom(shop="store", kind="apple"), [replace(ADA, zone="town")]),
    "what is not sold": ("not_sold", BuyFrom(shop="store", kind="plate"), []),
    "what is no kind": ("not_sold", BuyFrom(shop="store", kind="crown"), []),
    "more than there is": (
        "sold_out",
        BuyFrom(shop="store", kind="apple", count=2),
        [Shelf(id="store/apple", stock=1, most=APPLE.stock)],
    ),
    "more than a stack": ("too_many_things", BuyFrom(shop="smithy", kind="knife", count=2), []),
    "what is too dear": ("too_few_coins", BuyFrom(shop="store", kind="apple"), [Purse(id="ada", coins=0)]),
    "with full hands": ("too_many_things", BuyFrom(shop="store", kind="apple"), FULL),
    "sell another's": ("not_yours", SellTo(shop="store", thing="apples"), [thing("apples", "apple", "bob")]),
    "sell what one wears": ("not_yours", SellTo(shop="smithy", thing="sword"), [thing("sword", holder="worn:ada")]),
    "sell what is not there": ("not_yours", SellTo(shop="store", thing="apples"), []),
    "sell what nobody wants": ("not_bought", SellTo(shop="smithy", thing="coin"), [thing("coin", "old_coin")]),
    "sell elsewhere": (
        "no_such_shop",
        SellTo(shop="store", thing="apples"),
        [thing("apples", "apple"), replace(ADA, zone="town")],
    ),
    "look elsewhere": ("no_such_shop", Wares(shop="store"), [replace(ADA, zone="town")]),
    "dead": ("dead", BuyFrom(shop="store", kind="apple"), [replace(ADA, dead_until_ms=9)]),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refusal(event, *things) == code


def test_the_absent_do_not_shop() -> None:
    with pytest.raises(NotNow, match="not_here"):
        do(scene(absent(ADA)), BuyFrom(shop="store", kind="apple"))


@pytest.mark.parametrize("count", [0, -1, 2**63])
def test_a_count_that_is_none_never_reaches_a_rule(count: int) -> None:
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(b'{"type":"buyfrom","seq":1,"shop":"store","kind":"apple","count":%d}' % count, 8)
    assert refused.value.code == "bad_field"


def shop(sells: Any = (), buys: Any = ()) -> Shop:
    return Shop(name="x", title="X", keeper="X", sells=list(sells), buys=list(buys))


WRONG: dict[str, tuple[Shop, dict[str, int]]] = {
    "shops.json: x: sells.item: there is no item 'crown'.": (shop([Ware("crown", 5, 1, 5)]), {}),
    "shops.json: x: buys.item: there is no item 'crown'.": (shop(buys=[Wanted("crown", 5)]), {}),
    "shops.json: x: buys.item: pouch holds things, which would be lost.": (shop(buys=[Wanted("pouch", 5)]), {}),
    "shops.json: x: sells.price: apple is bought for 6, and sold for less.": (
        shop([Ware("apple", 5, 1, 5)]),
        {"apple": 6},
    ),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_shop_that_names_what_is_not_there_or_makes_coins_is_refused(sentence: str) -> None:
    with pytest.raises(Corrupt, match=re.escape(sentence)):
        check_shop(*WRONG[sentence])


def test_a_map_that_names_a_shop_that_there_is_not_is_refused() -> None:
    assert maps.Shop(shop="moon").problem().startswith("is of unknown shop 'moon', expected one of store")
    assert shop([Ware("apple", 5, 1, 5), Ware("apple", 6, 1, 5)]).problem() == "sells: a kind is named twice"


def test_no_recipe_makes_coins_of_what_shops_sell() -> None:
    """Whoever buys all that a recipe needs, and sells what it makes, has fewer coins than before."""
    paid = best_prices(SHOPS)
    cheapest: dict[str, int] = {}
    for ware in (ware for one in SHOPS.values() for ware in one.sells):
        cheapest[ware.item] = min(ware.price, cheapest.get(ware.item, ware.price))
    for _ in RECIPES:  # what is made of what is made
        for recipe in RECIPES.values():
            if recipe.needs.keys() <= cheapest.keys():
                costs = sum(count * cheapest[kind] for kind, count in recipe.needs.items())
                each = -(-costs // recipe.count)
                assert recipe.count * paid.get(recipe.makes, 0) <= costs, recipe.name
                cheapest[recipe.makes] = min(each, cheapest.get(recipe.makes, each))


def test_the_bundled_game_has_six_shops() -> None:
    assert len(SHOPS) >= 6


DEEDS = st.one_of(
    st.builds(
        BuyFrom, shop=st.sampled_from(["store", "smithy"]), kind=st.sampled_from(["apple", "bread", "knife", "coal"]),
        count=st.integers(1, 8),
    ),
    st.builds(SellTo, shop=st.sampled_from(["store", "smithy"]), thing=st.sampled_from(["e0", "e1", "e2", "bars"])),
    st.builds(Restock, n=st.just(1)),
)  # fmt: skip


@given(st.lists(DEEDS, max_size=40))
def test_whatever_is_done_each_piece_is_paid_for_and_no_shelf_is_overfull(deeds: list[Any]) -> None:
    where = scene(thing("bars", "iron_bar", count=6))
    for n, event in enumerate(deeds):
        coins, things = where.of(Purse)["ada"].coins, dict(where.of(Item))
        try:
            outcome = do(where, event, f"e{n}", NOW_MS + n * 7_000)
        except Rejected:
            continue
        now = where.of(Purse)["ada"].coins
        if isinstance(event, BuyFrom):
            ware = ware_of(SHOPS[event.shop], event.kind)
            assert ware is not None
            assert coins - now == ware.price * event.count
        elif isinstance(event, SellTo):
            sold = things[event.thing]
            (price,) = [wanted.price for wanted in SHOPS[event.shop].buys if wanted.item == sold.kind]
            assert now - coins == outcome.result.paid == price * max(1, sold.count)  # none of it was used
            assert event.thing not in where.of(Item)
        assert now >= 0
        assert all(0 <= shelf.stock <= shelf.most for shelf in where.of(Shelf).values())
        assert len(held(where, "ada")) <= CARRIED_MAX
    assert all(isinstance(item, Item) for item in held(where, "ada"))
