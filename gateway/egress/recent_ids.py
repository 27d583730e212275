"""A bounded memory of ids: what was told a moment ago is not told again.

It may forget after a while, on purpose: what is still sent by then was told in vain.
"""

from collections.abc import Hashable


class RecentIds:
    """Remembers the last ``most`` things, each for ``age_s`` seconds. ``now_s``: any monotonic clock."""

    def __init__(self, most: int, age_s: float) -> None:
        self._most = most
        self._age_s = age_s
        self._known: dict[Hashable, float] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def add(self, thing: Hashable, now_s: float) -> bool:
        """Remember; False when it was known."""
        if now_s - self._known.get(thing, float("-inf")) < self._age_s:
            return False
        self._known.pop(thing, None)  # it goes to the end: the oldest are forgotten first
        self._known[thing] = now_s
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return True
