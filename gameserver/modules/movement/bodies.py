"""Find bodies in a rule: that of the player whose event it is, and those around it or in a zone."""

from operator import attrgetter
from typing import Any

from gameserver.game import Context, Entity, Near, Needs, Rows, State, ids, near, where
from gameserver.modules.movement.appearance import is_seen, seen_parts, shown_with
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import sight
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor

_id = attrgetter("id")
AROUND_LOCKED_MAX = 200  # players, and creatures as many, for each who asks: the nearest


def body_parts() -> tuple[type[Any], ...]:
    """What a rule names as its ``components`` to show its player to others."""
    return (Body, *shown_with(Body))


def actors_body(state: State, context: Context) -> Body:
    """The body of the player whose event it is. Raises ``NotNow`` ``not_here`` when not in the world."""
    player = state.things[Player].get(context.player)
    if player is None or not player.gateway:
        actor(state, context)  # raises it
    body: Body = state.things[Body][context.player]
    return body


def body_of(player: str) -> Needs:
    """Select a player's body, and what is needed to show it, to be changed."""
    parts: dict[type[Entity], None] = dict.fromkeys((Player, *body_parts()))
    return tuple(ids(part, player) for part in parts)


def around(player: str) -> Near:
    """Select what a player sees, to be read only."""
    return near(Body, player, seen_parts(), sight)


def around_locked(player: str) -> Near:
    """Select what a player sees, to be changed: the 200 nearest players, and as many of each other kind."""
    return near(Body, player, seen_parts(), sight, lock_most=AROUND_LOCKED_MAX)


def bodies_in(zone: str, *components: type[Entity]) -> Rows[Body]:
    """Select those who are present in a zone, with what is needed to show them and these components, to be changed."""
    return where(Body, when="present", zone=zone, components=(*shown_with(Body), *components))


def present_in(state: State, zone: str) -> list[Body]:
    """The bodies of those present in a zone, as far as they were loaded, by id."""
    players = state.of(Player)
    return sorted((b for b in state.of(Body).values() if b.zone == zone and players[b.id].present), key=lambda b: b.id)


def seen_by(state: State, viewer: Body, kind: type[Any]) -> list[Any]:
    """What of a kind somebody sees beside itself, as far as it was loaded, by id."""
    zone, left, top, right, bottom = sight(viewer)
    near = [t for t in state.of(kind).values() if t.zone == zone and left <= t.x <= right and top <= t.y <= bottom]
    found = [thing for thing in near if thing.id != viewer.id and is_seen(state, thing)]
    found.sort(key=_id)
    return found
