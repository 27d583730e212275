"""How bots play a game: the game's package says so in its ``bots.py``, under the name ``BOTS``.

Another way to play, ``--profile NAME``, stands likewise in its ``bots_NAME.py``.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Protocol, runtime_checkable

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.game_package import package
from gameserver.declare.importing import exists, imported
from gameserver.declare.source_locations import file_of, place_of_value
from gameserver.errors import Corrupt


class BotBehaviour(Protocol):
    """The mind of one bot, without I/O."""

    def choose(self, me: dict[str, Any], beings: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
        """Choose the next event, a map with its type and fields; ``None`` does nothing this time."""
        ...

    def learn(self, event: dict[str, Any], code: str, zone: str) -> None:
        """Learn from the reply to an event. ``code``: of its refusal, "" for success. ``zone``: where the bot was."""
        ...


@runtime_checkable
class AttentiveBehaviour(BotBehaviour, Protocol):
    """The mind of a bot that also keeps what it is told: notices, and the data of replies."""

    def hear(self, notice: dict[str, Any]) -> None:
        """Hear a notice."""
        ...

    def learn_data(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        """Learn what the reply to a successful event says."""
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


def profile(name: str = "") -> BotProfile:
    """Find how bots play the game; ``name``: another way than the usual one.

    Raises ``Corrupt``: ``bad_game``, ``bad_module``.
    """
    module = f"{package()}.bots{f'_{name}' if name else ''}"
    if not exists(module):
        if name:
            raise Corrupt("bad_game", f"Bots know no way to play that is called {name!r}: there is no {module}.")
        return BotProfile(behaviour=Onlooker)
    found = getattr(imported(module), "BOTS", None)
    if not isinstance(found, BotProfile):
        at = place_of_value(file_of(imported(module)), "BOTS")
        raise Corrupt("bad_game", f"{at}: {module} has no BOTS = BotProfile(...).")
    return found
