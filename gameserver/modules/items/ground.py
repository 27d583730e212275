"""Things that lie on tiles: who sees them, and what creatures leave behind."""

from collections.abc import Iterator

from msgspec.structs import replace

from gameserver.game import Box, Dice, Notification
from gameserver.modules.combat.effects import PERMILLE
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Laid, Lifted, Lying
from gameserver.modules.items.kinds import DROPS, DROPS_MAX, kind_of
from gameserver.modules.items.things import made
from gameserver.modules.movement.view import cell_topic

LIES_MS = 300_000  # so long a thing lies before it is gone


def lies(item: Item) -> bool:
    """Whether a thing lies on a tile."""
    return not item.holder and bool(item.zone)


def lies_in(box: Box, item: Item) -> bool:
    """Whether a thing lies on one of these tiles."""
    zone, left, top, right, bottom = box
    return lies(item) and item.zone == zone and left <= item.x <= right and top <= item.y <= bottom


def laid(item: Item, spot: tuple[str, int, int], now_ms: int, *, for_ever: bool = False) -> Item:
    """The same thing on a tile. ``for_ever``: of a container in which something is, which must not be lost."""
    zone, x, y = spot
    until_ms = 0 if for_ever else now_ms + LIES_MS
    return replace(item, holder="", zone=zone, x=x, y=y, lies_until_ms=until_ms, v=item.v + 1)


def lying(item: Item) -> Lying:
    """A thing as those see it who stand around."""
    title = kind_of(item.kind).title
    return Lying(id=item.id, kind=item.kind, title=title, x=item.x, y=item.y, v=item.v, count=item.count)


def shows(item: Item) -> Notification:
    """Tell all who see the tile that a thing lies there."""
    return Notification(notice=Laid(thing=lying(item)), to=(cell_topic(item.zone, item.x, item.y),))


def disappears(item: Item) -> Notification:
    """Tell all who see the tile that a thing lies there no longer. ``item``: as it lay there."""
    return Notification(notice=Lifted(thing=item.id, v=item.v + 1), to=(cell_topic(item.zone, item.x, item.y),))


def loot_ids(event: str) -> tuple[str, ...]:
    """The ids of what a creature leaves behind that an event has killed."""
    return tuple(f"{event}/{n}" for n in range(DROPS_MAX))


def loot(creature: str, spot: tuple[str, int, int], event: str, now_ms: int, rng: Dice) -> Iterator[Item]:
    """What a creature of a kind leaves behind, by its kind's table."""
    for id_, drop in zip(loot_ids(event), DROPS[creature].drops if creature in DROPS else (), strict=False):
        if rng.randint(1, PERMILLE) <= drop.permille:
            yield laid(made(drop.item, rng.randint(drop.least, drop.most), id_, ""), spot, now_ms)
