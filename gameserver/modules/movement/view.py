"""Who sees whom: a zone is divided into square cells, and one sees one's own cell and the eight around it.

So everything within ``CELL`` tiles is seen, nothing beyond twice that. A topic is a cell; a gateway learns which topics
a connection watches and needs to know nothing of positions.
"""

from functools import lru_cache
from typing import Any, Protocol

from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.game import Box, Notification, SessionUpdate, State
from gameserver.modules.movement.appearance import being, is_seen
from gameserver.modules.movement.events import Appeared, Moved, Vanished

CELL = 8
CELLS_KEPT = 16_384  # names of cells are made over and over: so many are remembered


class Standing(Protocol):
    """What stands somewhere: a player's ``Body``, or any entity with these fields. ``v`` counts its changes."""

    @property
    def id(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def v(self) -> int: ...


def zone_topic(zone: str) -> str:
    """What everyone in a zone watches."""
    return f"zone.{zone}"


def cell_topic(zone: str, x: int, y: int) -> str:
    """The cell in which a tile lies."""
    return _cell(zone, x // CELL, y // CELL)


@lru_cache(maxsize=CELLS_KEPT)
def _cell(zone: str, column: int, row: int) -> str:
    return f"zone.{zone}/{column}.{row}"


def cell_of(body: Standing) -> str:
    """The cell in which someone stands."""
    return _cell(body.zone, body.x // CELL, body.y // CELL)


def sees_the_same(before: Standing, after: Standing) -> bool:
    """Whether a step stayed within a cell: what is in view is the same."""
    stays = before.x // CELL == after.x // CELL and before.y // CELL == after.y // CELL
    return stays and before.zone == after.zone


def view_topics(body: Standing) -> tuple[str, ...]:
    """What someone who stands there watches: the zone, and the cells in view."""
    return _view_topics(body.zone, body.x // CELL, body.y // CELL)


@lru_cache(maxsize=CELLS_KEPT)
def _view_topics(zone: str, column: int, row: int) -> tuple[str, ...]:
    cells = [_cell(zone, column + dx, row + dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return (zone_topic(zone), *cells)


def looks_around(body: Standing) -> SessionUpdate:
    """Who stands where another part of the world is in view: the gateway watches that first, and then looks."""
    return SessionUpdate(
        watch={"view": view_topics(body)}, then=_refresh(), shard_key=body.zone, own_cell=cell_of(body)
    )


def _refresh() -> str:
    refresh = catalogue.view_refresh()
    return refresh.spec.name if refresh else ""


def view_box(body: Standing) -> tuple[int, int, int, int]:
    """The tiles in view: x from, y from, x to, y to (the last two included)."""
    left, top = (body.x // CELL - 1) * CELL, (body.y // CELL - 1) * CELL
    return left, top, left + 3 * CELL - 1, top + 3 * CELL - 1


def sight(body: Standing) -> Box:
    """The tiles in view, and their zone: what ``near`` selects."""
    return body.zone, *view_box(body)


def in_view(viewer: Standing, other: Standing) -> bool:
    """Whether one sees the other."""
    left, top, right, bottom = view_box(viewer)
    return viewer.zone == other.zone and left <= other.x <= right and top <= other.y <= bottom


def appears(state: State, body: Any) -> tuple[Notification, ...]:
    """Tell all who see the cell that someone is there, if it is anybody whom they can see."""
    if not is_seen(state, body):
        return ()
    return (Notification(notice=Appeared(being=being(state, body)), to=(cell_of(body),)),)


def vanishes(body: Standing, unless: tuple[str, ...] = ()) -> Notification:
    """Tell all who see the cell that someone is gone, but those who see where they went."""
    return Notification(notice=Vanished(who=body.id, v=body.v), to=(cell_of(body),), unless=unless)


def walks(body: Standing) -> Notification:
    """Tell all who see the cell that someone has made a step within it."""
    return Notification(notice=Moved(who=body.id, x=body.x, y=body.y, v=body.v), to=(cell_of(body),))


def crosses(state: State, before: Any, after: Any) -> tuple[Notification, ...]:
    """What others see of a step into another cell: an arrival, and a leaving for those who no longer see it."""
    return (*appears(state, after), vanishes(replace(before, v=after.v), unless=(cell_of(after),)))


def steps_seen(state: State, before: Any, after: Any) -> tuple[Notification, ...]:
    """What others see of a step."""
    return (walks(after),) if sees_the_same(before, after) else crosses(state, before, after)


def distance(a: Standing, b: Standing) -> int:
    """Steps between two, diagonal steps counting one."""
    return max(abs(a.x - b.x), abs(a.y - b.y))
