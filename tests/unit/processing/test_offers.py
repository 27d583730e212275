"""Offers through the real applier, on each database: they end with the line they were made over, and with a death."""

from collections.abc import Callable

import pytest

from gameserver.declare.session_events import Lost
from gameserver.messages.envelope import Envelope
from gameserver.modules.barter.entities import Side
from gameserver.modules.barter.events import Accept, Lapsed, Offer
from gameserver.modules.combat.events import Fall
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.sessions.events import Login, Logout, Resume
from gameserver.processing.applied_batch import Applied
from tests.unit.processing.workshop import ADA, BOB, PASSWORD, Workshop, beats, entrance, notices, reply, sweep

AGO_MS = 60_000


def logs_in(shop: Workshop) -> Applied:
    return shop.apply(entrance(shop, Login(name="Ada", password=PASSWORD, seq=1), "Ada", conn="c9", token="#t9"))


def resumes(shop: Workshop) -> Applied:
    return shop.apply(entrance(shop, Resume(token="t-ada", seq=1), "Ada", conn="c9", token="#t9"))


def dies(shop: Workshop) -> Applied:
    fall = Fall(player="ada", by="meadow.rat.1", zone="meadow", x=12, y=10)
    return shop.apply(Envelope(id="e/fall", event=fall, at_ms=shop.now_ms))


def is_swept(shop: Workshop) -> Applied:
    """The gateway of Ada's connection dies, and is not heard for a minute."""
    beats(shop, "g1", "g2")
    for _ in range(12):
        shop.now_ms += AGO_MS // 12
        beats(shop, "g2")
    return sweep(shop)


ENDS: dict[str, tuple[Callable[[Workshop], Applied], str]] = {
    "logs out": (lambda shop: shop.apply(shop.tell(ADA, Logout(seq=3))), "left"),
    "is cut off": (lambda shop: shop.apply(shop.tell(ADA, Lost(), id="lost")), "left"),
    "comes anew before the cut is noted": (logs_in, "left"),
    "resumes before the cut is noted": (resumes, "left"),
    "dies": (dies, "died"),
}


def side(shop: Workshop, player: str = "ada") -> Side:
    return shop.store.get(Side, player) or Side(id=player)


def agree(shop: Workshop) -> None:
    """Ada offers a sword for a coin, and has accepted; Bob has not yet."""
    shop.enter(ADA, BOB)
    shop.put(thing("sword"))
    shop.apply(shop.tell(ADA, Offer(to="Bob", things=["sword"], seq=1)))
    shop.apply(shop.tell(BOB, Offer(to="Ada", things=[], coins=1, seq=1)))
    assert reply(shop.apply(shop.tell(ADA, Accept(to="Bob", version=1, seq=2))))["data"]["done"] is False


def returns(shop: Workshop) -> None:
    """Ada is in the world, alive, where she was."""
    if not shop.player("ada").present:
        logs_in(shop)
    assert (shop.player("ada").zone, shop.player("ada").x, shop.player("ada").dead_until_ms) == ("meadow", 12, 0)


@pytest.mark.parametrize("how", ENDS)
def test_an_offer_that_was_accepted_ends_with_the_line_and_with_a_death(workshop: Workshop, how: str) -> None:
    end, why = ENDS[how]
    agree(workshop)
    (over,) = [born for born in end(workshop).born if isinstance(born.event, Lapsed)]
    told = [one for one in notices(workshop.apply(over), "c-bob") if one["type"] == "retracted"]
    assert [(one["by"], one["to"], one["why"]) for one in told] == [("Ada", "Bob", why)]
    returns(workshop)
    assert reply(workshop.apply(workshop.tell(BOB, Accept(to="Ada", version=1, seq=2))))["code"] == "no_offer"
    assert (side(workshop).partner, side(workshop).accepted) == ("", 0)
    sword = workshop.store.get(Item, "sword")
    assert sword is not None
    assert sword.holder == "ada"


def test_whose_gateway_died_offers_nothing_any_more(workshop: Workshop) -> None:
    agree(workshop)
    is_swept(workshop)
    assert not workshop.player("ada").present
    assert side(workshop).partner == ""


def test_who_dies_or_leaves_and_offers_nothing_is_written_nothing_of(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    before = side(workshop)
    dies(workshop)
    workshop.apply(workshop.tell(ADA, Logout(seq=3)))
    assert side(workshop) == before
