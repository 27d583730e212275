"""Building in words."""

from base64 import b64decode, b64encode

from msgspec.structs import replace

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.building.events import (
    BuildWall,
    Built,
    Placed,
    PlaceObject,
    RemoveObject,
    Signs,
    Survey,
    Surveyed,
    Unplaced,
    Walled,
)
from gameserver.modules.movement.events import Charted, Gate

command("buildwall <zone> <x> <y>", BuildWall, what="Build a wall (for game masters).")
command("clearwall <zone> <x> <y>", BuildWall, what="Take a wall away (for game masters).", floor=True)
command("placeobject <zone> <x> <y> <kind> <properties...>", PlaceObject, also=("placeobject <zone> <x> <y> <kind>",))
command("removeobject <zone> <object>", RemoveObject)
command("survey <zone>", Survey)


@answered(BuildWall, PlaceObject, RemoveObject)
def built(data: Built, event: BuildWall | PlaceObject | RemoveObject, sight: Sight) -> str:
    """Say that it was done."""
    return f"Done: {data.id}."


@answered(Survey)
def surveyed(data: Surveyed, event: Survey, sight: Sight) -> str:
    """List what stands there."""
    lines = [f"{one.id} ({one.kind}) at {one.x}, {one.y}" for one in data.objects]
    return "\n".join([*lines, f"{data.changes} changes of maps are not saved yet."])


@told(Walled)
def walled(notice: Walled, sight: Sight) -> str:
    """Keep the map as it is now."""
    chart = _chart(notice.zone, sight)
    if chart is not None:
        bits, stride = bytearray(b64decode(chart.walls)), (chart.width + 7) // 8
        at, bit = notice.y * stride + notice.x // 8, 0x80 >> notice.x % 8
        bits[at] = bits[at] | bit if notice.wall else bits[at] & ~bit
        sight.notes["chart"] = replace(chart, walls=b64encode(bits).decode())
    return ""


@told(Placed)
def placed(notice: Placed, sight: Sight) -> str:
    """Keep where gates are."""
    chart = _chart(notice.zone, sight)
    if chart is not None and notice.leads_to:
        gate = Gate(x=notice.x, y=notice.y, zone=notice.leads_to)
        sight.notes["chart"] = replace(chart, gates=[*chart.gates, gate])
    return ""


@told(Unplaced)
def unplaced(notice: Unplaced, sight: Sight) -> str:
    """The same, of what is gone."""
    chart = _chart(notice.zone, sight)
    if chart is not None:
        gates = [gate for gate in chart.gates if (gate.x, gate.y) != (notice.x, notice.y)]
        sight.notes["chart"] = replace(chart, gates=gates)
    return ""


def _chart(zone: str, sight: Sight) -> Charted | None:
    chart: Charted | None = sight.notes.get("chart")
    return chart if chart is not None and chart.zone == zone else None


@told(Signs)
def signs(notice: Signs, sight: Sight) -> str:
    """Read them, once for each place."""
    if sight.notes.get("signs") == notice.texts:
        return ""
    sight.notes["signs"] = notice.texts
    return "\n".join(f"A sign says: {styled('speech', text)}" for text in notice.texts)
