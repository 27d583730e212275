from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.events import (
    LETTERS_MAX,
    Letters,
    OpenLetter,
    Post,
    Posted,
    ReturnLetter,
    SortMail,
)
from gameserver.modules.post.rules import OLDEST, WAITS_MS, mail_of
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, fold, play, player, state, told
from gameserver.testing.whole_entities import Whole
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

ADA, BOB = player(), player("Bob", zone="town", x=4, y=4)
SWORD, APPLES = thing("sword"), thing("apples", "apple", count=9)


def scene(*things: Any) -> State:
    return state(ADA, BOB, SWORD, APPLES, *things)


def do(where: State, who: Whole, event: Any, id_: str = "e1", now_ms: int = NOW_MS) -> Any:
    outcome = play(event, where, circumstances(where.of(Player)[who.id], id=id_, now_ms=now_ms))
    fold(where, outcome)
    return outcome


def refusal(where: State, who: Whole, event: Any) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, where, circumstances(where.of(Player)[who.id]))
    assert refused.value.message
    return refused.value.code


@pytest.mark.parametrize("receiver", [BOB, absent(BOB), replace(BOB, dead_until_ms=9)])
def test_a_letter_reaches_who_is_elsewhere_or_not_in_the_world(receiver: Whole) -> None:
    where = scene(receiver)
    sent = do(where, ADA, Post(to="bob", text="for you", things=["sword", "apples"], coins=30))
    assert (sent.result.letter, sent.result.coins, told(sent)) == ("e1", 70, [Posted(by="Ada")])
    assert {item.holder for item in held(where, mail_of("bob"))} == {"mail:bob"}
    where.put(BOB.parts)
    (letter,) = do(where, BOB, Letters()).result.letters
    assert (letter.by, letter.text, [t.id for t in letter.things], letter.coins) == (
        "Ada",
        "for you",
        ["sword", "apples"],
        30,
    )
    opened = do(where, BOB, OpenLetter(letter="e1"))
    assert opened.result.coins == 130
    assert [item.id for item in held(where, "bob")] == ["apples", "sword"]
    assert where.of(Letter) == {}
    assert refusal(where, BOB, OpenLetter(letter="e1")) == "no_such_letter"


def test_what_nobody_opens_goes_back_once() -> None:
    where = scene()
    do(where, ADA, Post(to="Bob", text="x", things=["sword"], coins=5))
    late_ms = NOW_MS + WAITS_MS
    where.results[OLDEST] = tuple(where.of(Letter).values())
    assert play(SortMail(n=1), where, circumstances(now_ms=late_ms - 1)).events == ()
    (back,) = play(SortMail(n=1), where, circumstances(now_ms=late_ms)).events
    assert back == ReturnLetter(letter="e1", receiver="bob", sender="ada")
    fold(where, play(back, where, circumstances(now_ms=late_ms)))
    letter = where.of(Letter)["e1"]
    assert (letter.receiver, letter.returned, where.of(Item)["sword"].holder) == ("ada", 1, "mail:ada")
    assert play(back, where, circumstances(now_ms=late_ms)).put == ()
    again = ReturnLetter(letter="e1", receiver="ada", sender="ada")
    (waits,) = play(again, where, circumstances(now_ms=late_ms + WAITS_MS)).put
    assert (waits.receiver, waits.at_ms) == ("ada", late_ms + WAITS_MS)
    assert do(where, ADA, OpenLetter(letter="e1")).result.coins == 100


BOX = [Letter(id=f"l{n}", receiver="bob", sender="Eve", text="x") for n in range(LETTERS_MAX)]
MANY = [thing(f"s{n}", "stick") for n in range(CARRIED_MAX)]
FOR_ADA = Letter(id="l", receiver="ada", sender="Bob", text="x", things='["gift"]')
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "to nobody": ("no_such_player", Post(to="Zoe", text="x"), []),
    "to oneself": ("no_such_player", Post(to="Ada", text="x"), []),
    "another's thing": ("not_yours", Post(to="Bob", text="x", things=["fish"]), [thing("fish", "fish", "bob")]),
    "what one wears": ("not_yours", Post(to="Bob", text="x", things=["hat"]), [thing("hat", holder="worn:ada")]),
    "a container": ("holds_things", Post(to="Bob", text="x", things=["bag"]), [thing("bag", "pouch")]),
    "coins that one has not": ("too_few_coins", Post(to="Bob", text="x", coins=101), []),
    "no words": ("empty_text", Post(to="Bob", text="\u200b"), []),
    "to a full box": ("too_many_letters", Post(to="Bob", text="x"), BOX),
    "open what is not there": ("no_such_letter", OpenLetter(letter="l"), []),
    "open another's": ("no_such_letter", OpenLetter(letter="l0"), BOX),
    "open with full hands": (
        "too_many_things",
        OpenLetter(letter="l"),
        [FOR_ADA, thing("gift", "axe", "mail:ada"), *MANY],
    ),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refusal(scene(*things), ADA, event) == code


@pytest.mark.parametrize("event", [Post(to="Bob", text="x"), OpenLetter(letter="l")], ids=["post", "openletter"])
def test_the_dead_and_the_absent_handle_no_letters(event: Any) -> None:
    assert refusal(scene(FOR_ADA, replace(ADA, dead_until_ms=9)), ADA, event) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        do(scene(FOR_ADA, absent(ADA)), ADA, event)


@pytest.mark.parametrize("coins", [-1, 2**63])
def test_coins_that_are_none_never_reach_a_rule(coins: int) -> None:
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(b'{"type":"post","seq":1,"to":"Bob","text":"x","coins":%d}' % coins, 8)
    assert refused.value.code == "bad_field"


def test_a_box_that_is_full_keeps_what_would_come_back_where_it_is() -> None:
    boxed = [replace(letter, receiver="ada") for letter in BOX]
    lost = Letter(id="l", receiver="bob", sender="Ada", text="x", coins=5, at_ms=1)
    (waits,) = play(
        ReturnLetter(letter="l", receiver="bob", sender="ada"), scene(lost, *boxed), circumstances(now_ms=NOW_MS)
    ).put
    assert (waits.receiver, waits.coins) == ("bob", 5)


LETTERS = st.sampled_from(["e0", "e1", "e2", "e3", "e4"])
DEEDS = st.one_of(
    st.builds(
        Post,
        to=st.sampled_from(["Ada", "Bob"]),
        text=st.just("x"),
        things=st.lists(st.sampled_from(["sword", "apples"]), max_size=3),
        coins=st.integers(0, 120),
    ),
    st.builds(OpenLetter, letter=LETTERS),
    st.builds(ReturnLetter, letter=LETTERS, receiver=st.just("bob"), sender=st.just("ada")),
)


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB]), DEEDS), max_size=30))
def test_whatever_is_done_nothing_is_made_or_lost(deeds: list[Any]) -> None:
    where = scene()
    for n, (who, event) in enumerate(deeds):
        try:  # play() proves that nothing is made or lost
            do(where, who, event, f"e{n}", NOW_MS + n * WAITS_MS // 2)
        except Rejected:
            continue
        coins = sum(purse.coins for purse in where.of(Purse).values())
        assert coins + sum(letter.coins for letter in where.of(Letter).values()) == 200
        enclosed = [id_ for letter in where.of(Letter).values() for id_ in letter.enclosed]
        assert sorted(enclosed) == sorted(i.id for name in ("ada", "bob") for i in held(where, mail_of(name)))
