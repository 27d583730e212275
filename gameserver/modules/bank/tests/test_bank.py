from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.maps.objects import Placed, World
from gameserver.modules.bank.entities import Vault as Account
from gameserver.modules.bank.events import Balance, Deposit, PeekIn, PutIn, Retrieve, Store, TakeOut, Vault, Withdraw
from gameserver.modules.bank.maps import Chest, Counter
from gameserver.modules.bank.rules import STORED_MAX, in_bank, in_chest
from gameserver.modules.items.entities import Item, SharedPlace
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import MEADOW, TOWN, absent, circumstances, fold, play, player, state
from gameserver.testing.whole_entities import Whole
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

CHEST = "meadow.chest.9"
OBJECTS = (Placed("meadow.counter.8", 1, 1, Counter()), Placed(CHEST, 12, 12, Chest(holds=3)))
BANKED = World(zones={"meadow": replace(MEADOW, objects=OBJECTS), "town": TOWN}, start="meadow")
ADA, BOB = player(), player("Bob", x=13)
SWORD, APPLES = thing("sword"), thing("apples", "apple", count=9)


def scene(*things: Any) -> State:
    return state(ADA, BOB, *things, world=BANKED)


def do(where: State, who: Whole, event: Any, id_: str = "e1") -> Any:
    outcome = play(event, where, circumstances(where.of(Player)[who.id], id=id_))
    fold(where, outcome)
    return outcome


def refusal(where: State, who: Whole, event: Any) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, where, circumstances(where.of(Player)[who.id]))
    assert refused.value.message
    return refused.value.code


def test_coins_go_into_the_bank_and_out_again() -> None:
    where = scene()
    assert do(where, ADA, Deposit(coins=70)).result == Balance(bank=70, purse=30)
    assert do(where, ADA, Withdraw(coins=20)).result == Balance(bank=50, purse=50)
    assert (where.of(Account)["ada"].coins, where.of(Purse)["ada"].coins) == (50, 50)


def test_things_go_into_the_bank_and_out_again_and_nobody_else_sees_them() -> None:
    where = scene(SWORD, APPLES, thing("more", "apple", in_bank("ada"), count=5))
    assert do(where, ADA, Store(thing="apples")).result.gone
    do(where, ADA, Store(thing="sword"))
    assert [(t.id, t.count) for t in do(where, ADA, Vault()).result.things] == [("more", 14), ("sword", 0)]
    assert do(where, BOB, Vault()).result.things == []
    assert refusal(where, BOB, Retrieve(thing="sword")) == "no_such_thing"
    do(where, ADA, Retrieve(thing="sword"))
    assert where.of(Item)["sword"].holder == "ada"


def test_of_two_who_take_one_thing_out_of_a_chest_one_gets_it() -> None:
    where = scene(thing("sword", holder=in_chest(CHEST)))
    do(where, BOB, TakeOut(thing="sword", chest=CHEST))
    assert where.of(Item)["sword"].holder == "bob"
    assert refusal(where, ADA, TakeOut(thing="sword", chest=CHEST)) == "no_such_thing"


def test_what_one_puts_into_a_chest_all_see_and_each_waits_for_the_one_before() -> None:
    where = scene(APPLES, thing("fish", "fish", "bob", count=2))
    do(where, ADA, PutIn(thing="apples", chest=CHEST))
    do(where, BOB, PutIn(thing="fish", chest=CHEST))
    assert where.of(SharedPlace)[CHEST].turn == 2
    shared = do(where, BOB, PeekIn(chest=CHEST)).result
    assert ([t.id for t in shared.things], shared.holds) == (["apples", "fish"], 3)


FAR, AWAY = replace(ADA, x=30), replace(ADA, zone="town")
FULL = [thing(f"stick{n}", "stick", in_chest(CHEST)) for n in range(3)]
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "more than one has": ("too_few_coins", Deposit(coins=101), []),
    "more than is there": ("too_few_coins", Withdraw(coins=1), []),
    "deposit elsewhere": ("no_counter", Deposit(coins=1), [AWAY]),
    "withdraw elsewhere": ("no_counter", Withdraw(coins=1), [AWAY]),
    "store elsewhere": ("no_counter", Store(thing="sword"), [AWAY]),
    "retrieve elsewhere": ("no_counter", Retrieve(thing="sword"), [AWAY]),
    "look elsewhere": ("no_counter", Vault(), [AWAY]),
    "store another's": ("not_yours", Store(thing="sword"), [replace(SWORD, holder="bob")]),
    "store what one wears": ("not_yours", Store(thing="sword"), [replace(SWORD, holder="worn:ada")]),
    "store a container": ("holds_things", Store(thing="bag"), [thing("bag", "pouch")]),
    "store too much": (
        "too_many_things",
        Store(thing="sword"),
        [thing(f"s{n}", "stick", in_bank("ada")) for n in range(STORED_MAX)],
    ),
    "retrieve what is not there": ("no_such_thing", Retrieve(thing="sword"), []),
    "retrieve another's": ("no_such_thing", Retrieve(thing="sword"), [replace(SWORD, holder=in_bank("bob"))]),
    "retrieve with full hands": (
        "too_many_things",
        Retrieve(thing="x"),
        [thing("x", holder=in_bank("ada")), *(thing(f"s{n}", "stick") for n in range(CARRIED_MAX))],
    ),
    "a chest that is none": ("no_such_chest", PutIn(thing="sword", chest="meadow.counter.8"), []),
    "a chest elsewhere": ("no_such_chest", PutIn(thing="sword", chest=CHEST), [AWAY]),
    "a chest from afar": ("out_of_reach", PutIn(thing="sword", chest=CHEST), [FAR]),
    "take out from afar": ("out_of_reach", TakeOut(thing="sword", chest=CHEST), [FAR]),
    "look in from afar": ("out_of_reach", PeekIn(chest=CHEST), [FAR]),
    "a chest that is full": ("too_many_things", PutIn(thing="sword", chest=CHEST), FULL),
    "put in another's": ("not_yours", PutIn(thing="sword", chest=CHEST), [replace(SWORD, holder="bob")]),
    "put in a container": ("holds_things", PutIn(thing="bag", chest=CHEST), [thing("bag", "pouch")]),
    "take out what is not in": ("no_such_thing", TakeOut(thing="sword", chest=CHEST), []),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refusal(scene(SWORD, *things), ADA, event) == code


ACTS = [Deposit(coins=1), Withdraw(coins=1), Store(thing="sword"), Retrieve(thing="sword"), Vault()]
ACTS += [PutIn(thing="sword", chest=CHEST), TakeOut(thing="sword", chest=CHEST), PeekIn(chest=CHEST)]


@pytest.mark.parametrize("event", ACTS, ids=lambda event: event.spec.name)
def test_the_dead_and_the_absent_have_no_bank(event: Any) -> None:
    assert refusal(scene(SWORD, replace(ADA, dead_until_ms=9)), ADA, event) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        do(scene(SWORD, absent(ADA)), ADA, event)


@pytest.mark.parametrize("coins", [0, -1, 2**63])
@pytest.mark.parametrize("event", ["deposit", "withdraw"])
def test_coins_that_are_none_never_reach_a_rule(event: str, coins: int) -> None:
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(b'{"type":"%s","seq":1,"coins":%d}' % (event.encode(), coins), 8)
    assert refused.value.code == "bad_field"


@pytest.mark.parametrize("holds", [0, -1, 101])
def test_a_chest_on_a_map_that_holds_too_much_or_nothing_is_refused(holds: int) -> None:
    assert Chest(holds=holds).problem() == f"holds {holds} things, expected 1 to 100"


IDS = st.sampled_from(["sword", "apples", "more"])
DEEDS = st.one_of(
    st.builds(Deposit, coins=st.integers(1, 60)),
    st.builds(Withdraw, coins=st.integers(1, 60)),
    *(st.builds(kind, thing=IDS) for kind in (Store, Retrieve)),
    *(st.builds(kind, thing=IDS, chest=st.just(CHEST)) for kind in (PutIn, TakeOut)),
)


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB]), DEEDS), max_size=40))
def test_whatever_is_done_nothing_is_made_or_lost_and_no_place_is_overfull(deeds: list[Any]) -> None:
    where = scene(SWORD, APPLES, thing("more", "apple", "bob", count=15))
    for who, event in deeds:
        try:  # play() proves that nothing is made or lost
            do(where, who, event)
        except Rejected:
            continue
        assert len(held(where, in_chest(CHEST))) <= 3
        assert min(purse.coins for purse in (*where.of(Purse).values(), *where.of(Account).values())) >= 0
        assert sum(purse.coins for purse in (*where.of(Purse).values(), *where.of(Account).values())) == 200
