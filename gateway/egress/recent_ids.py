"""A bounded memory of ids: what was told a moment ago is not told again.

It may forget after a while, on purpose: what is still sent by then was told in vain.
"""

from collections import OrderedDict
from collections.abc import Hashable


class RecentIds:
    """Remembers the last ``most`` things, each for ``age_s`` seconds. ``now_s``: any monotonic clock."""

    def __init__(self, most: int, age_s: float) -> None:
        self._most = most
        self._age_s = age_s
        # A plain dict looks for its first entry among the gaps that all those left which were removed before it.
        self._known: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def add(self, thing: Hashable, now_s: float) -> bool:
        """Remember; False when it was known."""
        if now_s - self._known.get(thing, float("-inf")) < self._age_s:
            return False
        self._known[thing] = now_s
        self._known.move_to_end(thing)  # the oldest are forgotten first
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return True
