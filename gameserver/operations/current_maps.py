"""The maps as they are at the moment: those of the files, with what entities have changed since (``redraws``)."""

from collections.abc import Callable
from typing import Any, Protocol

from gameserver.declare.entity import Entity
from gameserver.maps.objects import World
from gameserver.rules.map_redraws import Redrawing, redrawings

REDRAW_MS = 1_000
PORTION = 500


class Drawn(Protocol):
    """A data tier, and the maps that it gives to rules."""

    world: World

    def later(self, kind: type[Any], by: str, after: int, most: int) -> list[Any]:
        """The first entities of a kind whose field is greater, in its order."""
        ...


class CurrentMaps:
    """Keeps the maps of a data tier current. ``clock_ms``: milliseconds since 1970."""

    def __init__(self, store: Drawn, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._asked_ms = 0
        self._known: dict[type[Entity], int] = {}

    def refresh(self) -> None:
        """Draw what was changed since it was asked for, once in ``REDRAW_MS``. Raises ``Retryable``."""
        now_ms = self._clock_ms()
        if 0 <= now_ms - self._asked_ms < REDRAW_MS:
            return
        for redrawing in redrawings():
            while self._draws(redrawing):
                pass
        self._asked_ms = now_ms

    def _draws(self, redrawing: Redrawing) -> bool:
        """Draw a portion. Return whether there may be more."""
        kind, by = redrawing.kind, redrawing.by
        found = self._store.later(kind, by, self._known.get(kind, 0), PORTION)
        if found:
            self._store.world = redrawing.draw(self._store.world, found)
            self._known[kind] = getattr(found[-1], by)
        return len(found) == PORTION
