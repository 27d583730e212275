"""Movement: one tile at a time, decided here and not by the client.

The speed limit is the generic cell rate algorithm (ITU-T I.371) on the time the gateway accepted the step: a step is
due ``STEP_MS`` after the one before, and may come early by ``EARLY_MS`` so that an honest client behind a stalling
network never meets the limit.
"""

from base64 import b64encode

from msgspec.structs import replace

from gameserver.game import Context, Needs, Notification, Outcome, Rejected, State, Zone, awaited, rule
from gameserver.modules.movement.appearance import being, objects_seen, seen_kinds
from gameserver.modules.movement.bodies import actors_body, around, body_of, body_parts, seen_by
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Chart, Charted, Gate, Look, Move, Show, Sign, View, Walked
from gameserver.modules.movement.maps import Portal
from gameserver.modules.movement.view import appears, crosses, looks_around, sees_the_same, sight, walks
from gameserver.modules.sessions.entities import Player

STEP_MS = 80
EARLY_MS = 3_000

STEPS = {
    "n": (0, -1),
    "ne": (1, -1),
    "e": (1, 0),
    "se": (1, 1),
    "s": (0, 1),
    "sw": (-1, 1),
    "w": (-1, 0),
    "nw": (-1, -1),
}


def _as_things_stand(state: State, event: Move, context: Context) -> Outcome:
    """Say where the walker is by now, and show it to those who may have missed the step."""
    walker = state.of(Body)[context.player]
    result = Walked(zone=walker.zone, x=walker.x, y=walker.y)
    return Outcome(result=result, notifications=appears(state, walker), follow=looks_around(walker))


@rule(repeat=_as_things_stand, components=body_parts)
def move(state: State, event: Move, context: Context) -> Outcome:
    """One step, through a portal if one lies there."""
    before = actors_body(state, context)
    due_ms = _paced(before, context.now_ms)
    dx, dy = STEPS[event.dir]
    zone = state.zone(before.zone)
    x, y = before.x + dx, before.y + dy
    if not zone.walkable(x, y):
        raise Rejected("wall", "There is no way.")
    portal = zone.on(Portal, x, y)
    name, x, y = (portal.zone, portal.x, portal.y) if portal else (before.zone, x, y)
    after = replace(before, zone=name, x=x, y=y, v=before.v + 1, steps_due_ms=due_ms)
    walked = Walked(zone=name, x=x, y=y)
    if sees_the_same(before, after):
        return Outcome(result=walked, put=(after,), notifications=(walks(after),))
    return Outcome(result=walked, put=(after,), notifications=crosses(state, before, after), follow=looks_around(after))


def _paced(body: Body, now_ms: int) -> int:
    due_ms = body.steps_due_ms if awaited(body.steps_due_ms, now_ms, EARLY_MS + STEP_MS) else now_ms
    if due_ms - now_ms > EARLY_MS:
        raise Rejected("too_fast", "Nobody walks that fast.")
    return due_ms + STEP_MS


def _around(event: Look, context: Context) -> Needs:
    return (around(context.player),)


@rule(needs=_around, components=body_parts)
def look(state: State, event: Look, context: Context) -> Outcome:
    """Everything in view, told to the one who looks."""
    viewer = actors_body(state, context)
    zone = state.zone(viewer.zone)
    seen = [being(state, other) for kind in seen_kinds() for other in seen_by(state, viewer, kind)]
    seen += objects_seen(zone, sight(viewer))
    you = being(state, viewer)
    view = View(zone=zone.name, title=zone.title, width=zone.width, height=zone.height, you=you, beings=seen)
    return Outcome(notifications=(Notification(notice=view, conn=context.conn, gateway=context.gateway),))


@rule(components=(Body,))
def chart(state: State, event: Chart, context: Context) -> Outcome:
    """What never moves in a zone, told to one who stands there."""
    zone = state.zone(actors_body(state, context).zone)
    gates = [Gate(x=placed.x, y=placed.y, zone=portal.zone) for placed, portal in zone.placed(Portal)]
    charted = Charted(
        zone=zone.name,
        title=zone.title,
        width=zone.width,
        height=zone.height,
        walls=_bits(zone),
        gates=sorted(gates, key=lambda gate: (gate.x, gate.y)),
        signs=_signs(zone),
    )
    return Outcome(result=charted)


def _signs(zone: Zone) -> list[Sign]:
    """What the game's modules show on the map, in the order of Tiled's ids."""
    marks = [(placed, placed.what.marker()) for placed in zone.objects]
    return [
        Sign(kind=placed.kind, name=mark.name or placed.id, title=mark.title, x=placed.x, y=placed.y)
        for placed, mark in marks
        if mark is not None
    ]


def _bits(zone: Zone) -> str:
    row_bytes = -(-zone.width // 8)
    bits = bytearray(row_bytes * zone.height)
    for x, y in zone.walls:
        bits[y * row_bytes + x // 8] |= 0x80 >> x % 8
    return b64encode(bits).decode()


@rule(needs=lambda event, context: body_of(event.player))
def show(state: State, event: Show, context: Context) -> Outcome:
    """Let a player see where it stands now, and others see it there."""
    player = state.get(Player, event.player)
    if player is None or not player.present:
        return Outcome()
    body = state.of(Body)[player.id]
    mine = Notification(conn=player.conn, gateway=player.gateway, follow=looks_around(body))
    return Outcome(notifications=(mine, *appears(state, body)))
