"""How bots play a game: the game's package says so in its ``bots.py``, under the name ``BOTS``."""

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.game_package import package
from gameserver.declare.source_locations import exists, imported
from gameserver.errors import Corrupt


class BotBehaviour(Protocol):
    """The mind of one bot, without I/O."""

    def choose(self, me: dict[str, Any], beings: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
        """Choose the next event, a map with its type and fields; ``None`` does nothing this time."""
        ...

    def learn(self, event: dict[str, Any], code: str, zone: str) -> None:
        """Learn from the reply to an event. ``code``: of its refusal, "" for success. ``zone``: where the bot was."""
        ...


class BotProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How bots play a game.

    ``behaviour``: makes the mind of a bot, of its randomness, its number, the count of all, the prefix of their names,
    and a set in which all bots of a run keep what they have found out. ``refusals``: the codes of refusals that are
    part of playing; any other counts as an error.
    """

    behaviour: Callable[[Random, int, int, str, set[str]], BotBehaviour]
    refusals: frozenset[str] = frozenset()


class Onlooker:
    """A bot of a game that says nothing of bots: it looks around, if the game has an event for that."""

    def __init__(self, *_: Any) -> None:
        refresh = catalogue.view_refresh()
        self._event = {"type": refresh.spec.name} if refresh else None

    def choose(self, me: dict[str, Any], beings: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
        """Look around."""
        return self._event

    def learn(self, event: dict[str, Any], code: str, zone: str) -> None:
        """Learn nothing."""


def profile() -> BotProfile:
    """Find how bots play the game. Raises ``Corrupt``: ``bad_game``, ``bad_module``."""
    name = f"{package()}.bots"
    if not exists(name):
        return BotProfile(behaviour=Onlooker)
    found = getattr(imported(name), "BOTS", None)
    if not isinstance(found, BotProfile):
        raise Corrupt("bad_game", f"{name} has no BOTS = BotProfile(...).")
    return found
