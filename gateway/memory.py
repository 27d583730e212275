"""A bounded memory of ids: what was told once is not told again."""

from collections.abc import Hashable


class Memory:
    """Remembers the last ``most`` things."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[Hashable, None] = {}

    def add(self, thing: Hashable) -> bool:
        """Remember; False when it was known."""
        if thing in self._known:
            return False
        self._known[thing] = None
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return True
