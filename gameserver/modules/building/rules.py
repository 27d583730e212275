"""Building: a change of a map is a row that says how a tile or an object is.

Changes are made one at a time, whichever worker makes them: their number stands in a row that each of them locks. So
each is checked against the maps with all changes before it, by what the map loader itself demands of maps.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.game import (
    Context,
    Listing,
    MapObject,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    World,
    Zone,
    ids,
    newest,
    object_classes,
    portion,
    problems_of,
    rule,
    where,
)
from gameserver.modules.building.entities import ALL, Builder, Change, Drawing
from gameserver.modules.building.events import (
    BuildWall,
    Built,
    ClearWall,
    Placed,
    PlaceObject,
    RemoveObject,
    Seen,
    Survey,
    Surveyed,
    TendBuilding,
    Unplaced,
    Walled,
)
from gameserver.modules.building.maps import drawn, is_new, read
from gameserver.modules.movement.bodies import bodies_in, present_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Show
from gameserver.modules.movement.relocation import misplaced, place
from gameserver.modules.movement.view import zone_topic
from gameserver.modules.sessions.players import actor

CHANGES_MAX = 1_000  # that the files do not show yet
FIRST_NUMBER = 1_000_000  # of objects that were built: those that are drawn in Tiled have lower ones
RECENT_MAX = 50

EVERY_CHANGE: Listing[Change] = portion(Change, CHANGES_MAX, "n", 0)
RECENT: Listing[Change] = newest(Change, RECENT_MAX, "n")


def _needs_zone(event: BuildWall | PlaceObject | RemoveObject, context: Context) -> Needs:
    return (ids(Drawing, ALL), where(Change, zone=event.zone), EVERY_CHANGE, bodies_in(event.zone))


@rule(needs=_needs_zone, components=(Builder,))
def buildwall(state: State, event: BuildWall, context: Context) -> Outcome:
    """A tile is a wall, or none."""
    _check_builder(state, context)
    zone = _zone(_now(state), event.zone)
    _check_tile(state, zone, event.x, event.y)
    what = "floor" if event.floor else "wall"
    if event.floor is ((event.x, event.y) not in zone.walls):
        raise Rejected("nothing_to_change", f"There is {'no' if event.floor else 'a'} wall already.")
    change = Change(id=f"{zone.name}/{event.x}.{event.y}", n=0, zone=zone.name, what=what, x=event.x, y=event.y)
    return _built(state, context, change, Walled(zone=zone.name, x=event.x, y=event.y, wall=not event.floor))


@rule(needs=_needs_zone, components=(Builder,))
def placeobject(state: State, event: PlaceObject, context: Context) -> Outcome:
    """An object stands on a tile."""
    _check_builder(state, context)
    zone = _zone(_now(state), event.zone)
    _check_tile(state, zone, event.x, event.y)
    what = _described(event)
    change = Change(
        id=f"{zone.name}.{what.called()}.{FIRST_NUMBER + _next(state)}",
        n=0,
        zone=zone.name,
        what="object",
        x=event.x,
        y=event.y,
        kind=event.kind,
        properties=msgspec.json.encode(what).decode(),
    )
    leads_to = getattr(what, "zone", "")
    seen = Placed(zone=zone.name, id=change.id, kind=event.kind, x=event.x, y=event.y, leads_to=leads_to)
    return _built(state, context, change, seen)


@rule(needs=_needs_zone, components=(Builder,))
def removeobject(state: State, event: RemoveObject, context: Context) -> Outcome:
    """An object is gone."""
    _check_builder(state, context)
    zone = _zone(_now(state), event.zone)
    found = next((placed for placed in zone.objects if placed.id == event.object), None)
    if found is None:
        raise Rejected("no_such_object", "No such object stands there.")
    _check_built_in_play(found.what)
    change = Change(id=found.id, n=0, zone=zone.name, what="gone", x=found.x, y=found.y)
    return _built(state, context, change, Unplaced(zone=zone.name, id=found.id, x=found.x, y=found.y))


def _check_builder(state: State, context: Context) -> None:
    player = actor(state, context)
    if not state.of(Builder)[player.id].may_build:
        raise Rejected("no_builder", "Only game masters build.")


def _now(state: State) -> World:
    """The world with all changes, those too that this process has not drawn yet."""
    return drawn(state.world, state.found(EVERY_CHANGE))


def _zone(world: World, name: str) -> Zone:
    if name not in world.zones:
        raise Rejected("no_such_zone", "There is no such zone to build in.")
    return world.zones[name]


def _check_tile(state: State, zone: Zone, x: int, y: int) -> None:
    if not (x < zone.width and y < zone.height):
        raise Rejected("off_the_map", f"{zone.title} is {zone.width} by {zone.height} tiles.")
    if any((body.x, body.y) == (x, y) for body in present_in(state, zone.name)):
        raise Rejected("somebody_there", "Somebody stands there.")


def _described(event: PlaceObject) -> MapObject:
    if event.kind not in object_classes():
        raise Rejected("no_such_kind", f"Objects are of these classes: {', '.join(sorted(object_classes()))}.")
    what = read(event.kind, event.properties)
    fault = "has not the properties of its class" if what is None else what.problem()
    if what is None or fault:
        raise Rejected("bad_properties", f"This {event.kind} {fault}.")
    _check_built_in_play(what)
    return what


def _check_built_in_play(what: MapObject) -> None:
    if not what.built_in_play:
        raise Rejected("not_in_play", "What is kept in such an object would be lost: change it in the map's file.")


def _next(state: State) -> int:
    return state.of(Drawing).get(ALL, Drawing(id=ALL)).last + 1


def _built(state: State, context: Context, change: Change, seen: Any) -> Outcome:
    """Note a change, if the maps are sound with it."""
    known = state.found(EVERY_CHANGE)
    if len(known) >= CHANGES_MAX and change.id not in {one.id for one in known}:
        raise Rejected("too_many_changes", f"{CHANGES_MAX} changes wait to be saved into the maps' files.")
    _check_sound(_now(state), change)
    made = replace(change, n=_next(state), by=context.player, at_ms=context.now_ms)
    told = Notification(notice=seen, to=(zone_topic(change.zone),))
    return Outcome(result=Built(id=made.id), put=(Drawing(id=ALL, last=made.n), made), notifications=(told,))


def _check_sound(world: World, change: Change) -> None:
    """Refuse what would be wrong with the maps that is not wrong with them now."""
    known = frozenset(problems_of(world))
    problem = next((found for found in problems_of(drawn(world, [change])) if found not in known), None)
    if problem:
        raise Rejected("unsound_map", f"{' '.join(problem).strip()}."[:300])


def _surveyed(state: State, event: Survey, context: Context) -> Outcome:
    _check_builder(state, context)
    zone, classes = _zone(_now(state), event.zone), {cls: name for name, cls in object_classes().items()}
    seen = [Seen(id=one.id, kind=classes[type(one.what)], x=one.x, y=one.y) for one in zone.objects]
    return Outcome(result=Surveyed(objects=seen, changes=len(state.found(EVERY_CHANGE))))


@rule(needs=lambda event, context: (EVERY_CHANGE,), components=(Builder,), repeat=_surveyed)
def survey(state: State, event: Survey, context: Context) -> Outcome:
    """What stands in a zone."""
    return _surveyed(state, event, context)


@rule(needs=lambda event, context: (RECENT,))
def tendbuilding(state: State, event: TendBuilding, context: Context) -> Outcome:
    """Walls are cleared while they are new: until then some worker may have let somebody walk there."""
    new = [c for c in state.found(RECENT) if c.what == "wall" and is_new(c, context.now_ms)]
    return Outcome(events=tuple(ClearWall(zone=one.zone, x=one.x, y=one.y) for one in new))


@rule(needs=lambda event, context: (EVERY_CHANGE, bodies_in(event.zone)))
def clearwall(state: State, event: ClearWall, context: Context) -> Outcome:
    """Who stands in it stands on the nearest free tile, and is shown that."""
    world = _now(state)
    inside = [b for b in present_in(state, event.zone) if (b.x, b.y) == (event.x, event.y) and misplaced(world, b)]
    moved = tuple(_beside(world, body) for body in inside)
    return Outcome(put=moved, events=tuple(Show(player=body.id) for body in moved))


def _beside(world: World, body: Body) -> Body:
    zone, x, y = place(world, body)
    return replace(body, zone=zone, x=x, y=y, v=body.v + 1)
