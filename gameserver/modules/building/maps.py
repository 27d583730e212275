"""What was built, drawn on the maps, and signs."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from gameserver.game import MapObject, Marker, Placed, Tile, World, Zone, fitting, object_classes, redraws
from gameserver.modules.building.entities import Change
from gameserver.modules.movement.maps import on_a_portal

SIGN_CHARS_MAX = 200
SETTLES_MS = 30_000  # within so long every worker knows of a change


class Sign(MapObject, frozen=True):
    """A sign that those read who see its tile."""

    text: str

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker(self.text)

    def problem(self) -> str:
        """It says something, and not too much."""
        return "" if 1 <= len(self.text) <= SIGN_CHARS_MAX else f"needs a text of 1 to {SIGN_CHARS_MAX} characters"

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """It does not block a portal."""
        return on_a_portal(zone, at)


def drawn(world: World, changes: Sequence[Change]) -> World:
    """A world as it is since these changes, the later ones last. What a version does not know stays as it is drawn."""
    zones = {name for change in changes if (name := change.zone) in world.zones}
    made = {name: _changed(world.zones[name], [c for c in changes if c.zone == name]) for name in sorted(zones)}
    return replace(world, zones=world.zones | made)


def _changed(zone: Zone, changes: Iterable[Change]) -> Zone:
    walls, objects = set(zone.walls), {placed.id: placed for placed in zone.objects}
    for change in changes:
        if change.what == "gone":
            objects.pop(change.id, None)
        elif change.what == "object" and (what := read(change.kind, change.properties)):
            objects[change.id] = Placed(change.id, change.x, change.y, what)
        elif change.what in ("wall", "floor"):
            (walls.add if change.what == "wall" else walls.discard)((change.x, change.y))
    return replace(zone, walls=frozenset(walls), objects=tuple(sorted(objects.values(), key=_number)))


def _number(placed: Placed) -> int:
    return int(placed.id.rpartition(".")[2])


def read(kind: str, properties: str) -> MapObject | None:
    """An object's properties in the shape that its class demands; ``None`` where that can't be."""
    try:
        return msgspec.json.decode(properties, type=object_classes()[kind])
    except (KeyError, msgspec.MsgspecError):
        return None


def superfluous(world: World, change: Change) -> str:
    """Why a change can be forgotten, "" while it is needed."""
    if change.zone not in world.zones:
        return f"changes of zone {change.zone}, which is gone, are removed"
    return "changes that the maps show by now are removed" if drawn(world, [change]) == world else ""


def is_new(change: Change, now_ms: int) -> bool:
    """Whether some worker may not have drawn it yet: forgotten by then, it would stay as it was before for that one."""
    return 0 <= now_ms - change.at_ms <= SETTLES_MS


redraws(Change, by="n", draw=drawn)
fitting(Change, misfit=superfluous, fresh=is_new)
