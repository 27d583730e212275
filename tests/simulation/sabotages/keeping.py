"""Sabotages of what things are kept in, of shops, and of what is counted: bank, chests, containers, achievements."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.modules.achievements import hooks
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import received
from gameserver.modules.trade.entities import Purse
from gameserver.rules.outcome import Outcome
from tests.simulation.sabotages.sabotage import Off, Sabotage, but, instead
from tests.simulation.sabotages.stories import BUSY, ECONOMY, HURT


def _copies(event: str) -> Off:
    """What is moved comes where it goes, and stays where it was."""

    def copied(outcome: Outcome) -> Outcome:
        again = [replace(one, id=f"{one.id}'") for one in outcome.put if isinstance(one, Item)]
        return replace(outcome, put=(*outcome.put, *again))

    def off(patch: pytest.MonkeyPatch) -> None:
        instead(patch, event, copied)

    off.__name__ = f"{event}_copies"
    return off


def deposits_stay(patch: pytest.MonkeyPatch) -> None:
    """Coins are in the bank, and in the purse as before."""
    instead(patch, "deposit", lambda outcome: replace(outcome, put=but(Purse, outcome.put)))


def chests_hold_anything(patch: pytest.MonkeyPatch) -> None:
    """Nobody counts what is in a chest."""

    def into(there: Any, coming: Any, holder: str, most: int = 99) -> Any:
        return received(there, coming, holder, 99)

    patch.setattr("gameserver.modules.bank.rules.received", into)


def what_is_sold_is_kept(patch: pytest.MonkeyPatch) -> None:
    """A shop pays for what one still has."""
    instead(patch, "sellto", lambda outcome: replace(outcome, drop=()))


def shops_pay_double(patch: pytest.MonkeyPatch) -> None:
    """A shop pays twice of what it says."""
    _doubled(patch, "gameserver.modules.shops.rules.worth", lambda paid: 2 * paid)


def _doubled(patch: pytest.MonkeyPatch, name: str, spoil: Callable[[int], int]) -> None:
    module, _, function = name.rpartition(".")
    real = getattr(__import__(module, fromlist=[function]), function)
    patch.setattr(name, lambda *given: spoil(real(*given)))


def all_is_eaten(patch: pytest.MonkeyPatch) -> None:
    """Who eats one apple eats all."""
    patch.setattr("gameserver.modules.items.rules._used", lambda item, kind: None)


def deeds_count_twice(patch: pytest.MonkeyPatch) -> None:
    """What is done once is counted twice."""
    real = hooks.counted

    def twice(state: Any, player: str, now_ms: int, deed: str, n: int = 1, kind: str = "") -> Outcome | None:
        return real(state, player, now_ms, deed, 2 * n, kind)

    patch.setattr(hooks, "counted", twice)


SABOTAGES = (
    Sabotage("what is stored is carried no more", _copies("store"), 0, "bank.store made", ECONOMY),
    Sabotage("what is retrieved is in the bank no more", _copies("retrieve"), 0, "bank.retrieve made", ECONOMY),
    Sabotage("coins in the bank are in no purse", deposits_stay, 1, "bank.deposit made", ECONOMY),
    Sabotage("what is put into a chest is carried no more", _copies("putin"), 0, "bank.putin made", ECONOMY),
    Sabotage("what is taken out of a chest is in it no more", _copies("takeout"), 0, "bank.takeout made", ECONOMY),
    Sabotage("a chest holds no more than it has room for", chests_hold_anything, 4, "and has room for", BUSY),
    Sabotage("what is put into a container is carried no more", _copies("stow"), 0, "items.stow made", ECONOMY),
    Sabotage("what is taken out of one is in it no more", _copies("fetch"), 2, "items.fetch made", ECONOMY),
    Sabotage("what a shop has bought is gone", what_is_sold_is_kept, 5, "no rate of its data file", ECONOMY),
    Sabotage("a shop pays its price", shops_pay_double, 5, "no rate of its data file", ECONOMY),
    Sabotage("one piece is used at a time", all_is_eaten, 0, "items.use changed", HURT),
    Sabotage("a deed is counted once", deeds_count_twice, 0, "and counted", ECONOMY),
)
