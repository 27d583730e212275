"""Find what is near a viewer: without locks for those who only look, and ahead of the locks for those who act on it.

What is to be locked must be known before the first kind concerned is locked. So it is looked for ahead, locked with all
others of its kind, and the batch is tried again if the viewer was moved in between.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.errors import Retryable
from gameserver.rules.needs import Box, Merged, Near
from gameserver.store.found import Found
from gameserver.store.selects import Kind, Parts, rows, within


class LookAhead:
    """The surroundings that a batch acts on, until they are locked."""

    def __init__(self, found: Found, needs: Merged) -> None:
        self._found = found
        self._needs = needs
        self._ahead = [near for near in needs.near if near.most]
        self._looked: dict[tuple[Kind, str], tuple[Near, Box]] = {}

    def look(self, record: Parts) -> None:
        """Find without locks what is near: it is locked with all others of its kind.

        That is done just before the first kind concerned is locked, and once.
        """
        if not self._ahead:
            return
        now = [near for near in self._ahead if near.viewer in record or not near.kinds.isdisjoint(record)]
        self._ahead = [near for near in self._ahead if near not in now]
        for near in now:
            for row in self._found.rows.all(rows((near.viewer,), ((near.viewer, "id", ""),)), v0=[near.id]):
                viewer = near.viewer(*row)
                box = near.box(viewer)
                self._looked[near.viewer, near.id] = near, box
                self._needs.want(near.viewer, [near.id])
                for parts in near.parts:
                    seen = parts[0]
                    found = [seen(*row) for row in self._found.rows.all(within((seen,)), **_as_values(box))]
                    for part in parts:
                        self._needs.want(part, nearest(viewer, found, near.most))

    def check(self) -> None:
        """Raise ``Retryable`` ``conflict`` when a viewer was moved between the look and the lock."""
        for (kind, id_), (near, box) in self._looked.items():
            viewer = self._found.state.get(kind, id_)
            if viewer is None or near.box(viewer) != box:
                raise Retryable("conflict", f"{id_} was moved while it looked around.")


def read_surroundings(found: Found, near_viewers: Iterable[Near]) -> None:
    """Read all that viewers see, without locks: who looks changes nothing.

    What stands there is found by its zone, and so a zone is looked through once, for all its viewers.
    """
    boxes: defaultdict[tuple[str, tuple[Parts, ...]], list[tuple[int, int, int, int]]] = defaultdict(list)
    for near in near_viewers:
        viewer = None if near.most else found.state.get(near.viewer, near.id)
        if viewer is not None:
            zone, *box = near.box(viewer)
            boxes[zone, near.parts].append(tuple(box))  # type: ignore[arg-type]
    for (zone, seen), several in boxes.items():
        left, top, right, bottom = zip(*several, strict=True)
        whole = _as_values((zone, min(left), min(top), max(right), max(bottom)))
        for parts in seen:
            found.read(parts, within(parts), **whole)


def _as_values(box: Box) -> dict[str, Any]:
    return dict(zip(("zone", "left", "top", "right", "bottom"), box, strict=True))


def nearest(viewer: Entity, found: Iterable[Entity], most: int) -> list[str]:
    """The ids of those that are fewest steps away, diagonal steps counting one."""
    x, y = _tile(viewer)

    def distance(thing: Entity) -> int:
        at = _tile(thing)
        return max(abs(at[0] - x), abs(at[1] - y))

    return [thing.id for thing in sorted(found, key=lambda thing: (distance(thing), thing.id))[:most]]


def _tile(thing: Entity) -> tuple[int, int]:
    place = thing.spec.place
    return (getattr(thing, place.x), getattr(thing, place.y)) if place else (0, 0)
