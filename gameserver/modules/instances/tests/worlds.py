"""A meadow with a gate, and the cave behind it."""

from typing import Any

from msgspec.structs import replace

from gameserver.maps.objects import Placed, World, Zone
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.entities import Instance, as_visitors
from gameserver.modules.instances.maps import Gate, Stay
from gameserver.modules.movement.maps import Portal, Spawn
from gameserver.testing.two_zones import MEADOW, NOW_MS, TOWN

CAVE = Zone(
    name="cave",
    title="The Cave",
    width=12,
    height=10,
    walls=frozenset({(9, 9)}),
    objects=(
        Placed("cave.spawn.1", 2, 2, Spawn()),
        Placed("cave.rat.2", 10, 7, Lair("rat")),
        Placed("cave.portal.3", 0, 5, Portal("town", 2, 2)),
    ),
    properties=(Stay(lasts_s=600, empty_s=30, visitors_max=2),),
)
GATE = Placed("meadow.gate.9", 12, 9, Gate("cave"))
WORLD = World(
    zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, GATE)), "town": TOWN},
    start="meadow",
    templates={"cave": CAVE},
)


def opened(owner: str = "ada", number: int = 1, **changes: Any) -> Instance:
    """Make an instance that was entered from the gate."""
    came_from = changes.pop("came_from", {owner: ("meadow", 12, 10)})
    made = Instance(
        id=f"cave#{number}",
        template="cave",
        owner=owner,
        gate_zone="meadow",
        gate_x=12,
        gate_y=10,
        ends_ms=NOW_MS + 600_000,
        visitors=as_visitors(came_from),
    )
    return replace(made, **changes)
