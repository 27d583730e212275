"""What players wrote down: every action and how it ended, and every durable notice they were told."""

from array import array
from collections import Counter
from typing import Any

import msgspec

# What the rules of the game say no to: as common as a yes, and of no consequence.
GAME = frozenset({"too_few_coins", "wall", "no_such_player"})


class Action(msgspec.Struct):
    """Something a player did. ``end``: ok, refused or lost (nobody ever said); "" while it is unanswered."""

    player: str
    event: str
    fields: dict[str, Any]
    began_s: float
    end: str = ""
    code: str = ""
    ended_s: float = 0.0
    data: Any = None


class Diary(msgspec.Struct):
    """All that was written down in one run.

    ``actions``: in the order in which each player sent them. ``coins_at_first``: what everyone's purse held.
    ``locked_out``: newcomers who did not get in. ``ends``: how many actions ended how; ``took_s``: how long each took.
    """

    actions: list[Action] = []
    heard: dict[str, list[str]] = {}  # player -> texts of whispers told
    received: dict[str, list[int]] = {}  # player -> coins told of
    merged: dict[str, list[tuple[int, int]]] = {}  # player -> how many gifts were told of as one, and their coins
    sessions_lost: list[str] = []
    reconnects: int = 0
    locked_out: list[str] = []
    coins_at_first: int = 100
    ends: Counter[str] = msgspec.field(default_factory=Counter)
    took_s: "array[float]" = msgspec.field(default_factory=lambda: array("f"))

    def receive(self, player: str, coins: int, gifts: int) -> None:
        """Write down that a player was told of a gift, or of several as one."""
        if gifts == 1:
            self.received[player].append(coins)
        else:
            self.merged.setdefault(player, []).append((gifts, coins))
