"""Players who come and go through a gate, and what must be true of zones that are opened and end."""

from collections.abc import Iterable, Iterator
from typing import Any

from gameserver.maps.objects import Placed, Zone
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.entities import Instance
from gameserver.modules.instances.maps import Gate, Stay
from gameserver.modules.movement.maps import Portal, Spawn

TEMPLATE = "den"
GATE = Placed("field.gate.6", 4, 5, Gate(TEMPLATE))
DEN = Zone(
    name=TEMPLATE,
    title="Den",
    width=6,
    height=6,
    objects=(
        Placed("den.spawn.1", 2, 2, Spawn()),
        Placed("den.rat.2", 5, 5, Lair("rat")),
        *(Placed(f"den.portal.{n + 3}", 1, n, Portal("field", 3, 3)) for n in range(4)),
    ),
    properties=(Stay(lasts_s=7, empty_s=2, visitors_max=2),),
)
# What rules say no with in an instance, or to who is not in one.
CODES = frozenset(
    {
        "no_counter",
        "no_gate",
        "no_market",
        "no_such_chest",
        "no_such_shop",
        "no_workshop",
        "instance_full",
        "too_many_instances",
        "wall",
    }
)
DEEDS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("enter", {"template": TEMPLATE}),) * 3,
    ("depart", {}),
    ("enter", {"template": "nowhere"}),
)


def doubled(instances: Iterable[Instance]) -> Iterator[str]:
    """Find groups and players who have two open instances of one template."""
    owned = [(one.owner, one.template) for one in instances if not one.closing]
    yield from (
        f"{owner} has two instances of {of}" for owner, of in sorted({one for one in owned if owned.count(one) > 1})
    )
