"""What maps say of the sky above them."""

from collections.abc import Iterator

from gameserver.game import MapProperties, World, Zone, checks_world
from gameserver.modules.weather.climates import CLIMATES, Climate


class Outdoors(MapProperties, frozen=True):
    """``climate``: one of the data file "climates"; "" under a roof or the earth, where there is no sky."""

    climate: str = ""


def climate_of(zone: Zone) -> Climate | None:
    """The climate of a zone, ``None`` where one sees no sky."""
    return CLIMATES.get(zone.described(Outdoors).climate)


def zones_by_climate(world: World) -> dict[str, list[str]]:
    """The zones of each climate."""
    found: dict[str, list[str]] = {name: [] for name in CLIMATES}
    for zone in world.zones.values():
        if (climate := climate_of(zone)) is not None:
            found[climate.name].append(zone.name)
    return found


@checks_world
def climates_are_there(world: World) -> Iterator[tuple[str, str]]:
    """Find zones of a climate that the data file does not have."""
    for zone in world.zones.values():
        climate = zone.described(Outdoors).climate
        if climate and climate not in CLIMATES:
            yield zone.name, f"is of unknown climate {climate!r}, expected one of {', '.join(CLIMATES) or 'none'}"
