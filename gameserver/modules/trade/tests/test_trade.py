from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.errors import NotNow, Rejected
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give, Given, Received
from gameserver.modules.trade.events import Purse as AskPurse
from gameserver.rules.outcome import MAIL_MAX
from gameserver.testing.two_zones import absent, circumstances, play, player, put, state

ADA = player()
BOB = player("Bob")
MINE, THEIRS = Purse(id="ada", coins=100), Purse(id="bob", coins=5)


def give(coins: int, *others: Any, to: str = "bob", mine: Purse = MINE, **loaded: Any) -> Any:
    return play(Give(to=to, coins=coins, seq=1), state(ADA, mine, *others, **loaded), circumstances(ADA))


def refusal(*given_: Any, **more: Any) -> str:
    with pytest.raises(Rejected) as refused:
        give(*given_, **more)
    return refused.value.code


@given(st.integers(1, 1_000), st.integers(0, 1_000), st.integers(0, 1_000))
def test_coins_are_neither_made_nor_lost(coins: int, mine: int, theirs: int) -> None:
    purses = Purse(id="ada", coins=mine), Purse(id="bob", coins=theirs)
    if coins > mine:
        assert refusal(coins, BOB, purses[1], mine=purses[0]) == "too_few_coins"
        return
    outcome = give(coins, BOB, purses[1], mine=purses[0])
    poorer, richer = put(outcome, "ada"), put(outcome, "bob")
    assert (poorer.coins, richer.coins) == (mine - coins, theirs + coins)
    assert outcome.result == Given(coins=poorer.coins)


@pytest.mark.parametrize("receiver", [BOB, absent(BOB), player("Bob", zone="town")])
@pytest.mark.parametrize("to", ["bob", "BOB"])
def test_the_receiver_may_be_anywhere_and_is_told(receiver: Any, to: str) -> None:
    (tell,) = give(30, receiver, THEIRS, to=to).notifications
    assert tell.notice == Received(by="Ada", coins=30, total=35)
    assert tell.player == "bob"


def test_nobody_gives_to_nobody_nor_to_oneself() -> None:
    assert refusal(1) == "no_such_player"
    assert refusal(1, to="Ada") == "no_such_player"


def test_a_full_mailbox_refuses_no_coins() -> None:
    """The notice is merged into one that waits: see ``tests/unit/processing/test_merging.py``."""
    (tell,) = give(1, BOB, mail_counts={"bob": MAIL_MAX}).notifications
    assert tell.notice is not None
    assert tell.notice.notice.merge


def test_a_purse_may_be_looked_into() -> None:
    assert play(AskPurse(), state(ADA), circumstances(ADA)).result == Given(coins=100)


@pytest.mark.parametrize("event", [AskPurse(), Give(to="bob", coins=1)], ids=["purse", "give"])
def test_the_absent_do_not_trade(event: Any) -> None:
    with pytest.raises(NotNow, match="not_here"):
        play(event, state(absent(ADA), BOB), circumstances(ADA))
