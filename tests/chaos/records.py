"""What players wrote down, beside what any client does: every durable notice they were told."""

from collections import Counter

import msgspec

from gameserver.testing.chaos import records
from gameserver.testing.chaos.records import Action
from gameserver.testing.conservation import Amounts

__all__ = ["GAME", "Action", "Diary"]

# What the rules of the game say no to: as common as a yes, and of no consequence.
GAME = frozenset({"too_few_coins", "wall", "no_such_player"})


class Diary(records.Diary):
    """All that was written down in one run.

    ``coins_at_first``: what everyone's purse held; ``granted``: what of it came without an event. ``locked_out``:
    newcomers who did not get in.
    """

    heard: dict[str, list[str]] = {}  # player -> texts of whispers told
    received: dict[str, list[int]] = {}  # player -> coins told of
    merged: dict[str, list[tuple[int, int]]] = {}  # player -> how many gifts were told of as one, and their coins
    locked_out: list[str] = []
    coins_at_first: int = 100
    granted: Amounts = msgspec.field(default_factory=Counter)

    def receive(self, player: str, coins: int, gifts: int) -> None:
        """Write down that a player was told of a gift, or of several as one."""
        if gifts == 1:
            self.received[player].append(coins)
        else:
            self.merged.setdefault(player, []).append((gifts, coins))
