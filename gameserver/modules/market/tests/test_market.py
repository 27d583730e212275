from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.maps.objects import Placed, World
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.modules.market import rules as market_rules
from gameserver.modules.market.entities import Lot, Owed
from gameserver.modules.market.events import (
    Bid,
    Buy,
    CloseLots,
    Collect,
    Hammer,
    Kept,
    Lots,
    Sell,
    Sold,
    Unlist,
)
from gameserver.modules.market.maps import Stall
from gameserver.modules.market.rules import (
    BIDS_MAX,
    CLOSING,
    HOUR_MS,
    KEPT_MAX,
    LISTED_MAX,
    LOTS_MAX,
    OWED_MAX,
    in_lot,
    kept_for,
)
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse
from gameserver.rules.needs import portion
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import MEADOW, NOW_MS, TOWN, absent, circumstances, fold, play, player, state, told
from gameserver.testing.whole_entities import Whole
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

FAIR = replace(MEADOW, objects=(Placed("meadow.stall.8", 1, 1, Stall()),))
WORLD = World(zones={"meadow": FAIR, "town": TOWN}, start="meadow")
ADA, BOB, EVE = player(), player("Bob", x=30), player("Eve")
SWORD, APPLES = thing("sword"), thing("apples", "apple", count=9)
LOT = "ada/e0"


def scene(*things: Any) -> State:
    return state(ADA, BOB, EVE, SWORD, APPLES, *things, world=WORLD)


def do(where: State, who: Whole, event: Any, id_: str = "e1", now_ms: int = NOW_MS) -> Any:
    outcome = play(event, where, circumstances(where.of(Player)[who.id], id=id_, now_ms=now_ms))
    fold(where, outcome)
    return outcome


def listed(price: int = 50, least: int = 10, **changes: Any) -> State:
    where = scene()
    do(where, ADA, Sell(thing="sword", price=price, least=least), "e0")
    where.put(replace(lot, **changes) for lot in list(where.of(Lot).values()))
    return where


def refusal(where: State, who: Whole, event: Any, now_ms: int = NOW_MS) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, where, circumstances(where.of(Player)[who.id], now_ms=now_ms))
    assert refused.value.message
    return refused.value.code


def purses(where: State) -> dict[str, int]:
    return {name: purse.coins for name, purse in where.of(Purse).items()}


def test_what_is_bought_is_the_buyers_and_the_price_the_sellers_wherever_it_is() -> None:
    where = listed()
    where.put(absent(ADA).parts)
    done = do(where, BOB, Buy(lot=LOT))
    assert (done.result.coins, told(done)) == (50, [Sold(lots=1, coins=50)])
    assert where.of(Item)["sword"].holder == "bob"
    assert (purses(where), where.of(Lot)) == ({"ada": 150, "bob": 50, "eve": 100}, {})
    assert refusal(where, EVE, Buy(lot=LOT)) == "no_such_lot"


def test_who_is_outbid_gets_the_coins_back_and_the_highest_bid_wins() -> None:
    where = listed()
    assert do(where, BOB, Bid(lot=LOT, coins=10)).result.coins == 90
    assert refusal(where, EVE, Bid(lot=LOT, coins=10)) == "bid_too_low"
    do(where, EVE, Bid(lot=LOT, coins=11), "e2")
    assert do(where, BOB, Collect()).result.coins == 100
    late_ms = NOW_MS + 24 * HOUR_MS
    where.results[CLOSING] = tuple(where.of(Lot).values())
    assert play(CloseLots(n=1), where, circumstances(now_ms=late_ms - 1)).events == ()
    (hammer,) = play(CloseLots(n=1), where, circumstances(now_ms=late_ms)).events
    assert hammer == Hammer(lot=LOT, bidder="eve")
    fallen = play(hammer, where, circumstances(now_ms=late_ms))
    assert told(fallen) == [Kept(lots=1), Sold(lots=1, coins=11)]
    fold(where, fallen)
    assert play(hammer, where, circumstances(now_ms=late_ms)).put == ()
    collected = do(where, EVE, Collect()).result
    assert ([t.id for t in collected.things], collected.coins) == (["sword"], 89)
    assert purses(where) == {"ada": 111, "bob": 100, "eve": 89}


def test_what_nobody_buys_goes_back() -> None:
    where = listed()
    late_ms = NOW_MS + 24 * HOUR_MS
    fold(where, play(Hammer(lot=LOT, bidder=""), where, circumstances(now_ms=late_ms)))
    assert where.of(Item)["sword"].holder == kept_for("ada")
    assert [t.id for t in do(where, ADA, Collect()).result.things] == ["sword"]


def test_a_bid_that_came_while_the_hammer_was_raised_is_heard() -> None:
    where = listed()
    do(where, BOB, Bid(lot=LOT, coins=10))
    assert play(Hammer(lot=LOT, bidder=""), where, circumstances(now_ms=NOW_MS + 24 * HOUR_MS)).put == ()


def test_a_lot_whose_seller_is_not_there_waits() -> None:
    where = listed(seller="zoe")
    assert play(Hammer(lot=LOT, bidder=""), where, circumstances(now_ms=NOW_MS + 24 * HOUR_MS)).put == ()


def test_what_is_bought_at_once_gives_the_bid_back() -> None:
    where = listed()
    do(where, BOB, Bid(lot=LOT, coins=10))
    do(where, EVE, Buy(lot=LOT), "e2")
    assert where.of(Owed)["e2"] == Owed(id="e2", player="bob", coins=10)


def test_who_has_no_room_collects_coins_and_what_there_is_room_for() -> None:
    sticks = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX - 3)]
    kept = [thing(f"k{n}", "axe", kept_for("ada")) for n in range(3)]
    collected = do(scene(*sticks, *kept, Owed(id="o", player="ada", coins=5)), ADA, Collect()).result
    assert (len(collected.things), collected.coins, collected.waiting) == (1, 105, 2)


def test_a_lot_without_bids_may_be_taken_back() -> None:
    where = listed()
    do(where, ADA, Unlist(lot=LOT))
    assert (where.of(Item)["sword"].holder, where.of(Lot)) == ("ada", {})


def test_lots_are_told_page_by_page() -> None:
    where = listed()
    where.results[portion(Lot, LISTED_MAX, "id", "a")] = tuple(where.of(Lot).values())
    (lot,) = do(where, BOB, Lots(after="a")).result.lots
    assert (lot.id, lot.seller, lot.title, lot.price, lot.least) == (LOT, "ada", "Short Sword", 50, 10)


AWAY = replace(ADA, zone="town")
BOBS = Lot(id="bob/1", seller="bob", thing="axe", kind="axe", price=200, least=150, until_ms=NOW_MS + HOUR_MS)
AXE = thing("axe", "axe", in_lot("bob/1"))
KEPT = [thing(f"k{n}", "axe", kept_for("ada")) for n in range(KEPT_MAX)]
OWED = [Owed(id=f"o{n}", player="ada", coins=1) for n in range(OWED_MAX)]
BIDS = [replace(BOBS, id=f"bob/b{n}", bid=1, bidder="ada") for n in range(BIDS_MAX)]
LOTS = [replace(BOBS, id=f"ada/l{n}", seller="ada") for n in range(LOTS_MAX)]
CHEAP = replace(BOBS, price=20, least=10)
FULL = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX)]
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "sell another's": ("not_yours", Sell(thing="axe", price=1), [thing("axe", "axe", "bob")]),
    "sell what one wears": ("not_yours", Sell(thing="hat", price=1), [thing("hat", holder="worn:ada")]),
    "sell a container": ("holds_things", Sell(thing="bag", price=1), [thing("bag", "pouch")]),
    "sell for nothing": ("no_price", Sell(thing="sword"), []),
    "sell elsewhere": ("no_market", Sell(thing="sword", price=1), [AWAY]),
    "sell too much": ("too_many_lots", Sell(thing="sword", price=1), LOTS),
    "sell and never collect": ("collect_first", Sell(thing="sword", price=1), KEPT),
    "buy what is not for sale": ("no_such_lot", Buy(lot="bob/2"), []),
    "buy what was": ("no_such_lot", Buy(lot="bob/1"), [replace(CHEAP, until_ms=NOW_MS), AXE]),
    "buy one's own": ("own_lot", Buy(lot="ada/1"), [replace(CHEAP, id="ada/1", seller="ada"), AXE]),
    "buy what is too dear": ("too_few_coins", Buy(lot="bob/1"), [BOBS, AXE]),
    "buy what takes bids alone": ("no_price", Buy(lot="bob/1"), [replace(BOBS, price=0), AXE]),
    "buy with full hands": ("too_many_things", Buy(lot="bob/1"), [CHEAP, AXE, *FULL]),
    "buy elsewhere": ("no_market", Buy(lot="bob/1"), [CHEAP, AXE, AWAY]),
    "bid for what is not there": ("no_such_lot", Bid(lot="x", coins=1), []),
    "bid too little": ("bid_too_low", Bid(lot="bob/1", coins=9), [CHEAP, AXE]),
    "bid as much as another": ("bid_too_low", Bid(lot="bob/1", coins=30), [replace(CHEAP, bid=30, bidder="eve"), AXE]),
    "bid more than one has": ("too_few_coins", Bid(lot="bob/1", coins=101), [CHEAP, AXE]),
    "bid for one's own": ("own_lot", Bid(lot="ada/1", coins=10), [replace(CHEAP, id="ada/1", seller="ada"), AXE]),
    "bid where none are taken": ("no_bids", Bid(lot="bob/1", coins=10), [replace(CHEAP, least=0), AXE]),
    "bid and never collect coins": ("collect_first", Bid(lot="bob/1", coins=10), [CHEAP, AXE, *OWED]),
    "bid and never collect things": ("collect_first", Bid(lot="bob/1", coins=10), [CHEAP, AXE, *KEPT]),
    "bid everywhere": ("too_many_bids", Bid(lot="bob/1", coins=10), [CHEAP, AXE, *BIDS]),
    "bid elsewhere": ("no_market", Bid(lot="bob/1", coins=10), [CHEAP, AXE, AWAY]),
    "take back another's": ("no_such_lot", Unlist(lot="bob/1"), [CHEAP, AXE]),
    "take back what has bids": (
        "has_bids",
        Unlist(lot="ada/1"),
        [replace(CHEAP, id="ada/1", seller="ada", bid=10, bidder="bob"), AXE],
    ),
    "look elsewhere": ("no_market", Lots(), [AWAY]),
    "collect elsewhere": ("no_market", Collect(), [AWAY]),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refusal(scene(*things), ADA, event) == code


ACTS = [Sell(thing="sword", price=1), Buy(lot="bob/1"), Bid(lot="bob/1", coins=10), Unlist(lot="ada/1"), Collect()]


@pytest.mark.parametrize("event", ACTS, ids=lambda event: event.spec.name)
def test_the_dead_and_the_absent_are_at_no_market(event: Any) -> None:
    assert refusal(scene(CHEAP, AXE, replace(ADA, dead_until_ms=9)), ADA, event) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        do(scene(CHEAP, AXE, absent(ADA)), ADA, event)


@pytest.mark.parametrize("packet", [b'"bid","lot":"x","coins":%d', b'"sell","thing":"x","price":%d'])
@pytest.mark.parametrize("coins", [-1, 2**63, 1_000_001])
def test_coins_that_are_none_never_reach_a_rule(packet: bytes, coins: int) -> None:
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(b'{"seq":1,"type":' + packet % coins + b"}", 8)
    assert refused.value.code == "bad_field"


IDS = st.sampled_from(["sword", "apples", "axe"])
SALES = st.sampled_from(["ada/e0", "ada/e1", "bob/e1", "eve/e2", "bob/e3", "ada/e4"])
COINS = st.integers(1, 60)
DEEDS = st.one_of(
    st.builds(Sell, thing=IDS, price=st.integers(0, 60), least=st.integers(0, 30), hours=st.integers(1, 3)),
    st.builds(Buy, lot=SALES),
    st.builds(Bid, lot=SALES, coins=COINS),
    st.builds(Unlist, lot=SALES),
    st.builds(Collect),
    st.builds(Hammer, lot=SALES, bidder=st.sampled_from(["", "ada", "bob", "eve"])),
)


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB, EVE]), DEEDS), max_size=40))
def test_whatever_is_done_nothing_is_made_or_lost_and_each_lot_has_its_thing(deeds: list[Any]) -> None:
    where = scene(thing("axe", "axe", "bob"))
    for n, (who, event) in enumerate(deeds):
        try:  # play() proves that nothing is made or lost
            do(where, who, event, f"e{n}", NOW_MS + n * HOUR_MS // 3)
        except Rejected:
            continue
        held_by_market = sum(lot.bid for lot in where.of(Lot).values()) + sum(o.coins for o in where.of(Owed).values())
        assert sum(purses(where).values()) + held_by_market == 300
        assert min(purses(where).values()) >= 0
        assert all([item.id for item in held(where, in_lot(lot.id))] == [lot.thing] for lot in where.of(Lot).values())


def test_a_bid_that_forgets_to_pay_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    where = listed()
    do(where, BOB, Bid(lot=LOT, coins=10))
    monkeypatch.setattr(market_rules, "topped", lambda lot, id_: ())
    with pytest.raises(AssertionError, match=r"market\.bid destroyed 10 of coins"):
        do(where, EVE, Bid(lot=LOT, coins=11), "e2")


def test_a_hammer_that_leaves_the_lot_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    where = listed()
    do(where, BOB, Bid(lot=LOT, coins=10))
    whole: Any = market_rules.hammer
    halved: Any = lambda *given_: replace(whole(*given_), drop=())  # noqa: E731
    with pytest.raises(AssertionError, match=r"market\.hammer made 10 of coins"):
        _played_by(halved, whole, where)


def _played_by(rule: Any, whole: Any, where: State) -> None:
    from gameserver.rules.book import rules

    rule.needs, rule.prepare, rule.components = whole.needs, None, ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(rules(), "hammer", rule)
        play(Hammer(lot=LOT, bidder="bob"), where, circumstances(now_ms=NOW_MS + 24 * HOUR_MS))
