"""Sabotages of trade, barter, letters, market, crafting and what lies about."""

from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.conserved import quantities
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import Moved
from tests.simulation.sabotages.data import two_transactions
from tests.simulation.sabotages.exactly_once import no_watermarks
from tests.simulation.sabotages.sabotage import Sabotage, instead
from tests.simulation.sabotages.stories import ECONOMY


def gifts_are_kept(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets to take from the giver what the receiver gets."""
    instead(patch, "give", lambda outcome: replace(outcome, put=outcome.put[1:]))


def gifts_are_lost(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets the receiver."""
    instead(patch, "give", lambda outcome: replace(outcome, put=outcome.put[:1]))


def no_sources(patch: pytest.MonkeyPatch) -> None:
    """Nobody says that entrances make coins."""
    found = tuple(replace(made, sources=()) for made in quantities())
    patch.setattr("gameserver.testing.conservation.quantities", lambda: found)


def exchanges_copy(patch: pytest.MonkeyPatch) -> None:
    """Who trades gets a thing, and the other one keeps it."""

    def copies(there: Any, coming: Any, holder: str, most: int = 0) -> Moved:
        return Moved(tuple(replace(item, id=f"{item.id}'", holder=holder) for item in coming))

    patch.setattr("gameserver.modules.barter.rules.received", copies)


def exchanges_are_halved(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets one of the two purses."""
    instead(patch, "accept", lambda outcome: replace(outcome, put=outcome.put[1:]) if outcome.result.done else outcome)


def letters_stay(patch: pytest.MonkeyPatch) -> None:
    """A letter that was opened may be opened again."""
    instead(patch, "openletter", lambda outcome: replace(outcome, drop=()))


def the_outbid_lose(patch: pytest.MonkeyPatch) -> None:
    """Nobody is owed a bid that was topped."""
    patch.setattr("gameserver.modules.market.rules.topped", lambda lot, id_: ())


def lots_forget(patch: pytest.MonkeyPatch) -> None:
    """What was bought stays for sale."""
    instead(patch, "buy", lambda outcome: replace(outcome, drop=()))


def crafting_is_free(patch: pytest.MonkeyPatch) -> None:
    """A recipe uses nothing up."""
    patch.setattr("gameserver.modules.crafting.rules.used_up", lambda carried, recipe: Moved())


def drops_stay_in_hand(patch: pytest.MonkeyPatch) -> None:
    """What is put down lies there, and is carried all the same."""
    instead(patch, "drop", lambda outcome: replace(outcome, put=(*outcome.put, *map(_again, outcome.put))))


def _again(thing: Any) -> Any:
    return Item(id=f"{thing.id}'", kind=thing.kind, count=thing.count, holder="player0")


SABOTAGES = (
    Sabotage("what is given is taken from who gives it", gifts_are_kept, 0, "trade.give made"),
    Sabotage("what is given arrives", gifts_are_lost, 0, "trade.give destroyed"),
    Sabotage("what makes coins is declared", no_sources, 0, "sessions.register made 100 of coins"),
    Sabotage("what is exchanged leaves its owner", exchanges_copy, 4, "barter.accept made", ECONOMY),
    Sabotage("an exchange has two ends", exchanges_are_halved, 4, "of coins", ECONOMY),
    Sabotage("a letter is opened once", letters_stay, 1, "is not in mail:", ECONOMY),
    Sabotage("who is outbid is paid back", the_outbid_lose, 0, "market.bid destroyed", ECONOMY),
    Sabotage("what is sold is for sale no more", lots_forget, 5, "is not in lot:", ECONOMY),
    Sabotage("what is made is made of something", crafting_is_free, 0, "no rate of its data file", ECONOMY),
    Sabotage("what lies is carried no more", drops_stay_in_hand, 0, "items.drop", ECONOMY),
    Sabotage("a trade is one transaction", two_transactions, 58, "and what events did makes", ECONOMY),
    Sabotage("a trade is done once", no_watermarks, 4, "doubled", ECONOMY),
)
