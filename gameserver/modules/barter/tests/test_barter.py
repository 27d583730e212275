from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.modules.barter import rules as barter_rules
from gameserver.modules.barter.entities import Side
from gameserver.modules.barter.events import (
    Accept,
    Accepted,
    Agreed,
    Lapse,
    Lapsed,
    Offer,
    Proposed,
    Retract,
    Retracted,
    Traded,
)
from gameserver.modules.barter.rules import OFFER_MS, OPEN
from gameserver.modules.items.events import Drop, Split
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, Moved, held
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give
from gameserver.rules.outcome import MAIL_MAX, State
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, fold, play, player, players, state, told
from gameserver.testing.whole_entities import Whole
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

ADA, BOB, EVE = player(), player("Bob", x=13), player("Eve", x=14)
SWORD, APPLES, FISH = thing("sword"), thing("apples", "apple", count=9), thing("fish", "fish", "bob", count=3)


def scene(*changed: Any) -> State:
    return state(ADA, BOB, EVE, SWORD, APPLES, FISH, *changed)


def do(where: State, who: Whole, event: Any, now_ms: int = NOW_MS, id_: str = "e1") -> Any:
    outcome = play(event, where, circumstances(players(where)[who.id], now_ms=now_ms, id=id_))
    fold(where, outcome)
    return outcome


def offers(where: State, of_ada: Any = (), of_bob: Any = (), coins: tuple[int, int] = (0, 0)) -> None:
    do(where, ADA, Offer(to="Bob", things=list(of_ada), coins=coins[0]))
    do(where, BOB, Offer(to="Ada", things=list(of_bob), coins=coins[1]))


def versions(where: State) -> tuple[int, int]:
    return where.of(Side)["ada"].version, where.of(Side)["bob"].version


def wealth(where: State) -> dict[str, Any]:
    return {
        name: (where.of(Purse)[name].coins, {item.id: item.count for item in held(where, name)})
        for name in ("ada", "bob")
    }


def refusal(where: State, who: Whole, event: Any, now_ms: int = NOW_MS) -> str:
    before = {kind: dict(found) for kind, found in where.things.items()}
    with pytest.raises(Rejected) as refused:
        do(where, who, event, now_ms)
    assert where.things == before
    assert refused.value.message
    return refused.value.code


def test_what_both_accept_changes_hands_and_both_are_told() -> None:
    where = scene()
    first = do(where, ADA, Offer(to="bob", things=["sword"], coins=30))
    (proposed,) = told(first)
    assert isinstance(proposed, Proposed)
    assert ([t.id for t in proposed.things], proposed.coins, proposed.version) == (["sword"], 30, 1)
    do(where, BOB, Offer(to="ADA", things=["fish"]))
    agreed = do(where, BOB, Accept(to="Ada", version=1))
    assert (agreed.result, told(agreed)) == (Agreed(done=False, coins=100), [Accepted(by="Bob", version=1)])
    done = do(where, ADA, Accept(to="Bob", version=1))
    assert done.result == Agreed(done=True, coins=70)
    assert [(notice.by, notice.coins) for notice in told(done) if isinstance(notice, Traded)] == [("Ada", 130)]
    assert wealth(where) == {"ada": (70, {"apples": 9, "fish": 3}), "bob": (130, {"sword": 0})}


def test_an_offer_that_was_changed_after_the_other_accepted_was_not_accepted() -> None:
    where = scene()
    offers(where, ["sword"], ["fish"])
    do(where, BOB, Accept(to="Ada", version=1))
    do(where, ADA, Offer(to="Bob", things=[], coins=1))
    assert do(where, ADA, Accept(to="Bob", version=1)).result.done is False
    assert refusal(where, BOB, Accept(to="Ada", version=1)) == "offer_changed"
    assert do(where, BOB, Accept(to="Ada", version=2)).result.done is True
    assert wealth(where) == {"ada": (99, {"apples": 9, "fish": 3, "sword": 0} | {}), "bob": (101, {})}


def test_ones_own_acceptance_counts_for_the_offer_that_one_had_then() -> None:
    where = scene()
    offers(where, ["sword"])
    do(where, ADA, Accept(to="Bob", version=1))
    do(where, ADA, Offer(to="Bob", things=["apples"]))
    assert do(where, BOB, Accept(to="Ada", version=2)).result.done is False


@pytest.mark.parametrize("deed", [Drop(thing="apples"), Split(thing="apples", count=8), Give(to="Eve", coins=80)])
def test_what_was_offered_and_is_not_there_any_more_is_not_traded(deed: Any) -> None:
    where = scene()
    offers(where, ["apples"], ["fish"], (50, 0))
    do(where, ADA, Accept(to="Bob", version=1))
    do(where, ADA, deed)
    code = "too_few_coins" if isinstance(deed, Give) else "offer_changed"
    assert refusal(where, BOB, Accept(to="Ada", version=1)) == code


AWAY = {
    "out_of_reach": replace(ADA, x=30),
    "offline": absent(ADA),
    "not_alive": replace(ADA, dead_until_ms=9),
}


@pytest.mark.parametrize("code", AWAY)
def test_who_walks_away_is_cut_off_or_dies_has_not_traded(code: str) -> None:
    where = scene()
    offers(where, ["sword"], ["fish"])
    do(where, ADA, Accept(to="Bob", version=1))
    where.put(AWAY[code].parts)
    assert refusal(where, BOB, Accept(to="Ada", version=1)) == code
    assert refusal(where, BOB, Offer(to="Ada", things=[])) == code


def test_the_dead_do_not_accept_and_the_absent_neither() -> None:
    for body, error in ((replace(BOB, dead_until_ms=9), Rejected), (absent(BOB), NotNow)):
        where = scene()
        offers(where)
        where.put(body.parts)
        with pytest.raises(error):
            do(where, body, Accept(to="Ada", version=1))


def test_an_offer_may_be_retracted_and_lapses() -> None:
    where = scene()
    offers(where, ["sword"])
    assert told(do(where, ADA, Retract(to="Bob"))) == [Retracted(by="Ada", to="Bob", why="retracted")]
    assert refusal(where, BOB, Accept(to="Ada", version=1)) == "no_offer"
    late_ms = NOW_MS + OFFER_MS
    assert refusal(where, ADA, Accept(to="Bob", version=1), late_ms) == "no_offer"
    where.results[OPEN] = tuple(side for side in where.of(Side).values() if side.until_ms)
    assert play(Lapse(n=1), where, circumstances(now_ms=late_ms - 1)).events == ()
    (over,) = play(Lapse(n=1), where, circumstances(now_ms=late_ms)).events
    assert over == Lapsed(player="bob", partner="ada")
    outcome = play(over, where, circumstances(now_ms=late_ms))
    assert [(notice.player) for notice in outcome.notifications] == ["bob", "ada"]
    fold(where, outcome)
    assert play(over, where, circumstances(now_ms=late_ms)).put == ()


def test_an_offer_to_another_ends_the_one_before() -> None:
    where = scene()
    offers(where, ["sword"])
    do(where, ADA, Offer(to="Eve", things=["sword"]))
    assert refusal(where, BOB, Accept(to="Ada", version=1)) == "no_offer"


FULL = [thing(f"stick{n}", "stick", "bob") for n in range(CARRIED_MAX - 1)]


def test_what_has_no_room_is_not_traded_but_what_goes_makes_room() -> None:
    where = scene(*FULL)
    offers(where, ["sword"])
    do(where, BOB, Accept(to="Ada", version=1))
    assert refusal(where, ADA, Accept(to="Bob", version=1)) == "too_many_things"
    offers(where, ["sword"], ["fish"])
    do(where, BOB, Accept(to="Ada", version=2))
    assert do(where, ADA, Accept(to="Bob", version=2)).result.done


def test_who_cannot_be_told_does_not_trade() -> None:
    where = scene()
    offers(where)
    do(where, BOB, Accept(to="Ada", version=1))
    where.mail_counts["bob"] = MAIL_MAX
    assert refusal(where, ADA, Accept(to="Bob", version=1)) == "mailbox_full"


REFUSED: dict[str, tuple[str, Any]] = {
    "another's thing": ("not_yours", Offer(to="Bob", things=["fish"])),
    "nothing there": ("not_yours", Offer(to="Bob", things=["x"])),
    "what one wears": ("not_yours", Offer(to="Bob", things=["worn"])),
    "a container": ("holds_things", Offer(to="Bob", things=["bag"])),
    "coins that one has not": ("too_few_coins", Offer(to="Bob", things=[], coins=101)),
    "with oneself": ("no_such_player", Offer(to="Ada", things=[])),
    "with nobody": ("no_such_player", Offer(to="Zoe", things=[])),
    "accept from oneself": ("no_such_player", Accept(to="Ada", version=1)),
    "accept nothing": ("no_offer", Accept(to="Bob", version=1)),
    "retract nothing": ("no_offer", Retract(to="Bob")),
    "retract from oneself": ("no_such_player", Retract(to="Ada")),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event = REFUSED[deed]
    where = scene(thing("worn", holder="worn:ada"), thing("bag", "pouch"))
    assert refusal(where, ADA, event) == code


@pytest.mark.parametrize("coins", [-1, 2**63, 1_000_001])
def test_coins_that_are_none_never_reach_a_rule(coins: int) -> None:
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(b'{"type":"offer","seq":1,"to":"Bob","things":[],"coins":%d}' % coins, 8)
    assert refused.value.code == "bad_field"


def test_an_offer_names_a_thing_once() -> None:
    where = scene()
    do(where, ADA, Offer(to="Bob", things=["sword", "sword"]))
    assert [goods.id for goods in where.of(Side)["ada"].goods] == ["sword"]


# Whatever is done in whatever order.

NAMES = st.sampled_from(["Ada", "Bob", "Eve"])
THINGS = st.lists(st.sampled_from(["sword", "apples", "fish", "e3", "e5"]), max_size=3)
DEEDS = st.one_of(
    st.builds(Offer, to=NAMES, things=THINGS, coins=st.integers(0, 120)),
    st.builds(Accept, to=NAMES, version=st.integers(1, 4)),
    st.builds(Retract, to=NAMES),
    st.builds(Split, thing=st.just("apples"), count=st.integers(1, 5)),
    st.builds(Drop, thing=st.sampled_from(["sword", "fish"])),
    st.builds(Give, to=NAMES, coins=st.integers(1, 60)),
)


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB, EVE]), DEEDS), max_size=40))
def test_whatever_is_done_nothing_is_made_or_lost_and_none_gets_what_it_did_not_accept(deeds: list[Any]) -> None:
    where = scene()
    for n, (who, event) in enumerate(deeds):
        before = {name: where.of(Side)[name] for name in ("ada", "bob", "eve")}
        try:  # play() proves that nothing is made or lost
            outcome = do(where, who, event, id_=f"e{n}")
        except Rejected:
            continue
        if isinstance(event, Accept) and outcome.result.done:
            mine, theirs = before[who.id], before[event.to.lower()]
            assert (theirs.accepted, event.version) == (mine.version, theirs.version)
            assert (mine.partner, theirs.partner) == (theirs.id, mine.id)
        assert all(purse.coins >= 0 for purse in where.of(Purse).values())


# What the checker of conservation is for.


def agreed() -> State:
    where = scene()
    offers(where, ["sword", "apples"], ["fish"], (10, 0))
    do(where, BOB, Accept(to="Ada", version=1))
    return where


def copies(there: Any, coming: Any, holder: str, most: int = 0) -> Moved:
    """What comes stays where it was, too."""
    return Moved(tuple(replace(item, id=f"{item.id}'", holder=holder) for item in coming))


def test_an_exchange_that_forgets_to_remove_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barter_rules, "received", copies)
    with pytest.raises(AssertionError, match=r"barter\.accept made 9 of stacks 'apple'"):
        do(agreed(), ADA, Accept(to="Bob", version=1))


def test_an_exchange_that_is_cut_in_two_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The purses of an exchange whose second half never comes."""
    whole = barter_rules.exchange

    def half(*given_: Any) -> Any:
        outcome = whole(*given_)
        return replace(outcome, put=tuple(t for t in outcome.put if not (isinstance(t, Purse) and t.id == "bob")))

    monkeypatch.setattr(barter_rules, "exchange", half)
    with pytest.raises(AssertionError, match=r"barter\.accept destroyed 10 of coins"):
        do(agreed(), ADA, Accept(to="Bob", version=1))
