"""What is declared as conserved fits the game, or is refused with file and line."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.conserved import DECLARED, Conserved, also_conserved, conserved, each, quantities, total
from gameserver.declare.entity import Entity
from gameserver.errors import Corrupt
from gameserver.modules.chat.entities import ChatLine
from gameserver.modules.combat.entities import Creature, Health, Strength
from gameserver.modules.sessions.entities import Player

HERE = r"bad_declaration: \S*test_conserved\.py:\d+"


class Bank(Entity, frozen=True):
    """An entity without a declaration."""

    id: str


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    quantities()
    before = list(DECLARED)
    yield
    DECLARED[:] = before


def test_the_bundled_modules_declare_coins() -> None:
    coins = next(made for made in quantities() if made.name == "coins")
    assert (coins.name, coins.sources[0]) == ("coins", "sessions.register")
    assert ({*coins.sources[1:]}, {*coins.sinks}) == ({"shops.sellto", "quests.turnin"}, {"shops.buyfrom"})
    assert re.fullmatch(r"gameserver/modules/trade/conserved\.py:\d+", coins.at)


BAD: dict[str, Callable[[], Any]] = {
    'it has a name: conserved("coins", ...)': lambda: conserved("", total(Strength, "xp")),
    "say what holds it: total(...) or each(...)": lambda: conserved("coins"),
    "Player has no field silver": lambda: conserved("silver", total(Player, "silver")),
    "Player.name must be int": lambda: conserved("names", total(Player, "name")),
    "Strength has no field sort": lambda: conserved("coins", total(Strength, "xp", by="sort")),
    "Health.hp must be str": lambda: conserved("health", each(Health, "hp")),
    "Bank is not declared with @entity": lambda: conserved("coins", total(Bank, "coins")),
    "what holds it counts alike: each, or total, or total by a field": lambda: conserved(
        "coins", total(Strength, "xp"), each(Creature)
    ),
    "Player has no condition tall of its own": lambda: conserved("players", each(Player, when="tall")),
    "rows of ChatLine go without an event: it is declared with keep": lambda: conserved("lines", each(ChatLine)),
    'sources and sinks are tuples, as in ("sessions.register",)': lambda: conserved(
        "coins",
        total(Strength, "xp"),
        sources="sessions.register",  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_contradiction_is_refused_where_it_is_declared(fault: str) -> None:
    with pytest.raises(Corrupt, match=rf"^{HERE}: conserved '\w*': {re.escape(fault)}\.$"):
        BAD[fault]()


def _as_if_in_trade(made: Conserved) -> None:
    DECLARED[DECLARED.index(made)] = replace(made, module="gameserver.modules.trade.conserved")


NOT_OF_THE_GAME: dict[str, Callable[[], Conserved]] = {
    "there is no event trade.giv (is it trade.give?)": lambda: conserved(
        "life", total(Health, "hp"), sinks=("trade.giv",)
    ),
    "there is no event lottery.draw": lambda: conserved("life", total(Health, "hp"), sources=("lottery.draw",)),
}


@pytest.mark.parametrize("fault", NOT_OF_THE_GAME)
def test_what_the_game_has_not_is_refused_when_it_is_loaded(fault: str) -> None:
    _as_if_in_trade(NOT_OF_THE_GAME[fault]())
    with pytest.raises(Corrupt, match=rf"^{HERE}: conserved 'life': {re.escape(fault)}\.$"):
        quantities.__wrapped__()


def test_two_of_one_name_are_refused() -> None:
    _as_if_in_trade(conserved("coins", total(Strength, "xp")))
    with pytest.raises(Corrupt, match=rf"^{HERE}: conserved 'coins': gameserver/\S+:\d+ declares it already\.$"):
        quantities.__wrapped__()


def test_another_module_adds_what_it_holds_and_its_sinks() -> None:
    _as_if_in_trade(also_conserved("coins", total(Strength, "xp"), sinks=("trade.give",)))
    coins = next(made for made in quantities.__wrapped__() if made.name == "coins")
    held = [units.kind.__name__ for units in coins.units]
    assert (held[0], "Strength" in held) == ("Purse", True)
    assert "sessions.register" in coins.sources
    assert "trade.give" in coins.sinks


MORE: dict[str, Callable[[], Conserved]] = {
    "'coin': no module declares it with conserved(...) (is it coins?)": lambda: also_conserved("coin"),
    "'coins': what holds it counts alike: each, or total, or total by a field": lambda: also_conserved(
        "coins", each(Player)
    ),
}


@pytest.mark.parametrize("fault", MORE)
def test_what_is_added_fits_what_is_there(fault: str) -> None:
    _as_if_in_trade(MORE[fault]())
    with pytest.raises(Corrupt, match=rf"^{HERE}: conserved {re.escape(fault)}\.$"):
        quantities.__wrapped__()
