"""Instances: who is in one is a row's business, and travel changes body and row in one outcome.

An instance is a zone whose name (``maps.objects.instance_name``) leads to its template's map. It ends in two steps. The
first marks its row as closing: from then on nobody enters and nothing stirs. The second, a durable event, begins when
that is committed, and puts all that it finds in the zone elsewhere or removes it. Other modules add what they keep of
zones by hooks after ``instances.dissolve``. A hook that has more to do than one transaction should bear puts the
instance back, and another ``Dissolve`` is born of it.

Some things come later: a creature was struck down at the last moment, and its death is applied when the zone has been
emptied. So the row stays for ``KEPT_MS``, and until then the zone is emptied again every ``AGAIN_MS``, whatever came.
"""

from typing import Any

from msgspec.structs import replace

from gameserver.game import (
    CLOCK_TOLERANCE_MS,
    Context,
    Matching,
    Needs,
    Notification,
    Outcome,
    Passwords,
    Reader,
    Rejected,
    State,
    World,
    all_of,
    any_of,
    awaited,
    count,
    distinct,
    ids,
    instance_name,
    matching,
    rule,
    test,
    where,
)
from gameserver.modules.groups.own_group import group_in
from gameserver.modules.instances.entities import ALL, CLOSING, ENDED, OPEN, Instance, Opening, Spot, as_visitors
from gameserver.modules.instances.events import (
    Depart,
    Dissolve,
    Enter,
    LeftInstance,
    Passed,
    PutBack,
    TendInstances,
)
from gameserver.modules.instances.maps import LASTS_S_MAX, Stay, nearest_gate
from gameserver.modules.movement.bodies import actors_body, bodies_in, body_of, body_parts
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.maps import spawns
from gameserver.modules.movement.relocation import misplaced, place
from gameserver.modules.movement.view import appears, crosses, looks_around
from gameserver.modules.sessions.entities import Player
from gameserver.modules.world.entities import ZoneClock

REACH = 2  # tiles, from a gate or from where one comes in
INSTANCES_MAX = 200  # open at once, of all templates
KEPT_MS = 600_000  # so long after its end an instance is remembered
AGAIN_MS = 30_000  # and so often it is emptied until then: before what lies there has rotted
EMPTIED_MAX = 50  # that are emptied again in one turn; the rest comes with the next

OPENED = count(Instance, when="open")
BUSY_ZONES = distinct(Body, "zone", when="present")


# Entering.


def _needs_instances(event: Enter, context: Context) -> Needs:
    return (ids(Opening, ALL), where(Instance, template=event.template), OPENED)


@rule(needs=_needs_instances, components=body_parts)
def enter(state: State, event: Enter, context: Context) -> Outcome:
    """Into the instance of the player's group, or without a group the player's own; or into one that is opened."""
    before = actors_body(state, context)
    if nearest_gate(state.zone(before.zone), event.template, before.x, before.y, REACH) is None:
        raise Rejected("no_gate", "There is no such gate near you.")
    owner = group_in(state, before.id) or before.id  # a group's id has a colon, a player's never has
    mine = _instance_of(state, owner, event.template)
    opening = state.of(Opening).get(ALL, Opening(id=ALL)) if mine else _next(state)
    instance = mine or _opened(state, opening.last, event.template, owner, before, context.now_ms)
    _check_room(state, instance, before.id)
    x, y = context.rng.choice(spawns(state.zone(instance.id)))
    after = _moved(before, (instance.id, x, y))
    within = instance.came_from | {before.id: (before.zone, before.x, before.y)}
    visited = replace(instance, empty_ms=0, visitors=as_visitors(within))
    return _travelled(state, before, after, (opening, visited), instance.ends_ms)


def _instance_of(state: State, owner: str, template: str) -> Instance | None:
    found = (one for one in state.of(Instance).values() if one.template == template and not one.closing)
    return next((one for one in sorted(found, key=lambda one: one.id) if one.owner == owner), None)


def _next(state: State) -> Opening:
    if state.count(OPENED) >= INSTANCES_MAX:
        raise Rejected("too_many_instances", "All are full at the moment. Try again in a few minutes.")
    return Opening(id=ALL, last=state.of(Opening).get(ALL, Opening(id=ALL)).last + 1)


def _opened(state: State, number: int, template: str, owner: str, body: Body, now_ms: int) -> Instance:
    stay = state.world.templates[template].described(Stay)
    return Instance(
        id=instance_name(template, number),
        template=template,
        owner=owner,
        gate_zone=body.zone,
        gate_x=body.x,
        gate_y=body.y,
        ends_ms=now_ms + stay.lasts_s * 1000,
    )


def _check_room(state: State, instance: Instance, player: str) -> None:
    others = instance.came_from.keys() - {player}
    most = state.zone(instance.id).described(Stay).visitors_max
    if len(others) >= most:
        raise Rejected("instance_full", f"No more than {most} may be in there.")


# Leaving.


def _where_it_stands(event: Depart, context: Context, reader: Reader, passwords: Passwords) -> str:
    body = reader.get(Body, context.player)
    return body.zone if body else ""


@rule(
    needs=lambda event, context: (ids(Instance, context.prepared),),
    prepare=_where_it_stands,
    components=body_parts,
)
def depart(state: State, event: Depart, context: Context) -> Outcome:
    """Back to where the player stood before."""
    before = actors_body(state, context)
    instance = state.get(Instance, before.zone)
    zone = state.zone(before.zone)
    if instance is None or not any(_is_near(before, tile) for tile in spawns(zone)):
        raise Rejected("no_gate", "There is no way out near you.")
    within = instance.came_from
    after = _moved(before, _put_back(state.world, before, within.pop(before.id, instance.gate)))
    return _travelled(state, before, after, (replace(instance, visitors=as_visitors(within)),))


def _is_near(body: Body, tile: tuple[int, int]) -> bool:
    return max(abs(body.x - tile[0]), abs(body.y - tile[1])) <= REACH


def _put_back(world: World, body: Body, spot: Spot) -> Spot:
    """Where a player comes out: where it stood before, or near that where maps have changed."""
    there = _moved(body, spot)
    return place(world, there) if misplaced(world, there) else spot


def _moved(body: Body, spot: Spot) -> Body:
    zone, x, y = spot
    return replace(body, zone=zone, x=x, y=y, v=body.v + 1)


def _travelled(state: State, before: Body, after: Body, put: tuple[Any, ...], ends_ms: int = 0) -> Outcome:
    zone = state.zone(after.zone)
    return Outcome(
        result=Passed(zone=zone.name, title=zone.title, x=after.x, y=after.y, ends_ms=ends_ms),
        put=(after, *put),
        notifications=crosses(state, before, after),
        follow=looks_around(after),
    )


@rule(needs=lambda event, context: (ids(Body, event.player), ids(Instance, event.zone)))
def leftinstance(state: State, event: LeftInstance, context: Context) -> Outcome:
    """There is room for another one, unless the player has come in again meanwhile."""
    instance, body = state.get(Instance, event.zone), state.get(Body, event.player)
    if instance is None or body is None or body.zone == instance.id:
        return Outcome()
    within = {player: spot for player, spot in instance.came_from.items() if player != body.id}
    return Outcome(put=(replace(instance, visitors=as_visitors(within)),))


# Ending.


def _emptied_long_ago(now_ms: int) -> Matching:
    """Select what is due to be emptied again, that too which a clock that was ahead has noted."""
    due = any_of(
        test("empty_ms", "<=", now_ms - AGAIN_MS), test("empty_ms", ">", now_ms + AGAIN_MS + CLOCK_TOLERANCE_MS)
    )
    return matching(Instance, all_of(test("closing", ">", OPEN), due), EMPTIED_MAX)


def _open_and_due(event: TendInstances, context: Context) -> Needs:
    return (
        matching(Instance, test("closing", "==", OPEN), INSTANCES_MAX),
        _emptied_long_ago(context.now_ms),
        BUSY_ZONES,
    )


@rule(needs=_open_and_due)
def tendinstances(state: State, event: TendInstances, context: Context) -> Outcome:
    """What is over is closed, and ends by an event of its own; of others it is noted since when they are empty."""
    open_ = [one for one in _by_id(state) if one.closing == OPEN]
    busy = frozenset(state.values(BUSY_ZONES))
    over = [one for one in open_ if _is_over(state, one, one.id in busy, context.now_ms)]
    noted = [_noted(one, one.id in busy, context.now_ms) for one in open_ if one not in over]
    closed = [replace(one, closing=CLOSING) for one in over]
    due = [*closed, *(one for one in _by_id(state) if _is_due(one, context.now_ms))]
    return Outcome(
        put=(*(replace(one, empty_ms=context.now_ms) for one in due), *(one for one in noted if one not in open_)),
        events=tuple(Dissolve(zone=one.id, visitors=sorted(one.came_from)) for one in due),
    )


def _by_id(state: State) -> list[Instance]:
    return sorted(state.of(Instance).values(), key=lambda one: one.id)


def _is_due(instance: Instance, now_ms: int) -> bool:
    """Whether it is time to empty an instance again."""
    return instance.closing != OPEN and not awaited(instance.empty_ms + AGAIN_MS, now_ms, AGAIN_MS)


def _is_over(state: State, instance: Instance, busy: bool, now_ms: int) -> bool:
    empty_ms = state.zone(instance.id).described(Stay).empty_s * 1000
    waits = instance.empty_ms == 0 or awaited(instance.empty_ms + empty_ms, now_ms, empty_ms)
    return not awaited(instance.ends_ms, now_ms, LASTS_S_MAX * 1000) or not (busy or waits)


def _noted(instance: Instance, busy: bool, now_ms: int) -> Instance:
    return replace(instance, empty_ms=0 if busy else instance.empty_ms or now_ms)


def _needs_all_within(event: Dissolve, context: Context) -> Needs:
    bodies = (need for player in event.visitors for need in body_of(player))
    return (ids(Instance, event.zone), ids(ZoneClock, event.zone), *bodies, bodies_in(event.zone))


@rule(needs=_needs_all_within)
def dissolve(state: State, event: Dissolve, context: Context) -> Outcome:
    """Its visitors stand where they came from, in the world or not; nothing is left in it."""
    instance = state.get(Instance, event.zone)
    if instance is None:
        return Outcome()
    within = sorted((b for b in state.of(Body).values() if b.zone == event.zone), key=lambda body: body.id)
    came_from = instance.came_from
    spots = {body.id: _put_back(state.world, body, came_from.get(body.id, instance.gate)) for body in within}
    moved = tuple(_moved(body, spots[body.id]) for body in within)
    ended = _emptied(state.world, instance, context.now_ms)
    clock = state.get(ZoneClock, event.zone)
    gone = (ended,) if _is_forgotten(instance, context.now_ms) else ()
    return Outcome(
        put=moved if gone else (*moved, ended),
        drop=(*gone, *((clock,) if clock else ())),
        notifications=tuple(told for body in moved for told in _told(state, body)),
    )


def _emptied(world: World, instance: Instance, now_ms: int) -> Instance:
    """An instance in which nobody is, with a gate at which things can lie."""
    zone, x, y = _put_back(world, Body(instance.id, *instance.gate), instance.gate)
    return replace(
        instance,
        closing=ENDED,
        ends_ms=instance.ends_ms if instance.closing == ENDED else now_ms,
        empty_ms=now_ms,
        visitors=as_visitors({}),
        gate_zone=zone,
        gate_x=x,
        gate_y=y,
    )


def _is_forgotten(instance: Instance, now_ms: int) -> bool:
    return instance.closing == ENDED and not awaited(instance.ends_ms + KEPT_MS, now_ms, KEPT_MS)


def _told(state: State, body: Body) -> tuple[Notification, ...]:
    player = state.of(Player)[body.id]
    if not player.present:
        return ()
    notice = PutBack(zone=body.zone, x=body.x, y=body.y)
    mine = Notification(notice=notice, conn=player.conn, gateway=player.gateway, follow=looks_around(body))
    return (mine, *appears(state, body))
