"""Players who come and go through a gate, and what must be true of zones that are opened and end."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.maps.objects import Placed, World, Zone, template_of
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.entities import ENDED, Instance
from gameserver.modules.instances.maps import Gate, Stay
from gameserver.modules.items.entities import Item
from gameserver.modules.items.ground import lies
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.maps import Portal, Spawn
from gameserver.modules.world.entities import ZoneClock

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


def astray(world: World, things: Mapping[type[Entity], Mapping[str, Any]]) -> Iterator[str]:
    """Find who and what is in a zone that there is not."""
    instances = {id_: one for id_, one in things[Instance].items() if one.closing != ENDED}
    for body in things[Body].values():
        if not _is_there(world, instances, body.zone):
            yield f"{body.id} stands in {body.zone}, which is no zone"
        elif body.zone in instances and body.id not in instances[body.zone].came_from:
            yield f"{body.id} stands in {body.zone}, which knows of no such visitor"
    left = [item for item in things[Item].values() if lies(item)]
    creatures = [one for one in things[Creature].values() if one.zone or not one.owner]  # the others wait for owners
    for thing in (*left, *creatures):
        if not _is_there(world, instances, thing.zone):
            yield f"{thing.id} is in {thing.zone}, which is no zone"
    clocks = (clock.id for clock in things[ZoneClock].values() if template_of(clock.id))
    yield from (f"{id_} ticks, and is no zone" for id_ in clocks if id_ not in instances)


def doubled(instances: Iterable[Instance]) -> Iterator[str]:
    """Find groups and players who have two open instances of one template."""
    owned = [(one.owner, one.template) for one in instances if not one.closing]
    yield from (
        f"{owner} has two instances of {of}" for owner, of in sorted({one for one in owned if owned.count(one) > 1})
    )


def _is_there(world: World, instances: Mapping[str, Instance], zone: str) -> bool:
    return zone in (instances if template_of(zone) else world.zones)
