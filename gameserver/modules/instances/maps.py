"""What mappers say of instances: gates that open them, and how long a template's last."""

from typing import ClassVar

from gameserver.game import MapObject, MapProperties, Marker, Tile, World, Zone, fitting
from gameserver.modules.instances.entities import Instance
from gameserver.modules.movement.maps import on_a_portal

VISITORS_MAX = 20
LASTS_S_MAX = 24 * 3600


class Gate(MapObject, frozen=True):
    """A tile near which one enters an instance of a template."""

    colour: ClassVar[str] = "deepskyblue"

    template: str

    def marker(self) -> Marker:
        """Return what maps show of it; events name its template."""
        return Marker(f"Gate to the {self.template.replace('_', ' ')}", self.template)

    def leads_to(self) -> tuple[str, None]:
        """The template, wherever one begins there."""
        return self.template, None

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """It leads to a template, from a zone that stays: one is put back to it."""
        if self.template not in world.templates:
            return f"leads to {self.template!r}, which is no map with the property template"
        if zone.name in world.templates:
            return "stands in a template: nobody could be put back to it"
        return on_a_portal(zone, at) or _problem_of(world.templates[self.template])


class Stay(MapProperties, frozen=True):
    """``lasts_s``: when an instance ends; ``empty_s``: or nobody was in it for so long; ``visitors_max``: at once."""

    lasts_s: int = 3_600
    empty_s: int = 120
    visitors_max: int = 5


def _problem_of(template: Zone) -> str:
    stay = template.described(Stay)
    bounds = (
        ("lasts_s", stay.lasts_s, LASTS_S_MAX),
        ("empty_s", stay.empty_s, LASTS_S_MAX),
        ("visitors_max", stay.visitors_max, VISITORS_MAX),
    )
    faults = (
        f"{name} of {template.name} is {n}, expected 1 to {most}" for name, n, most in bounds if not 1 <= n <= most
    )
    return next((f"leads to a template that can't be: {fault}" for fault in faults), "")


def nearest_gate(zone: Zone, template: str, x: int, y: int, reach: int) -> Tile | None:
    """The tile of the nearest gate to a template within reach."""
    near = (
        (max(abs(at.x - x), abs(at.y - y)), at.x, at.y) for at, gate in zone.placed(Gate) if gate.template == template
    )
    away, *tile = min(near, default=(reach + 1, 0, 0))
    return (tile[0], tile[1]) if away <= reach else None


def unmapped(world: World, instance: Instance) -> str:
    """Why an instance has to go, "" when it may stay."""
    return "" if world.zone(instance.id) else f"instances of {instance.template}, which is gone, are removed"


fitting(Instance, misfit=unmapped)
