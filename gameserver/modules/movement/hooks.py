"""What movement adds to others' rules: who enters stands somewhere and is seen, who leaves is seen no longer."""

from msgspec.structs import replace

from gameserver.game import Context, Event, Needs, Notification, Outcome, SessionUpdate, State, after, fitting
from gameserver.modules.movement.appearance import Called, hides, looks
from gameserver.modules.movement.bodies import body_of
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import EnteredAt
from gameserver.modules.movement.maps import spawns
from gameserver.modules.movement.relocation import misplaced, moved
from gameserver.modules.movement.view import appears, looks_around, vanishes
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Entered
from gameserver.modules.sessions.players import comes_and_goes
from gameserver.modules.sessions.rules import silent_sessions


@looks(Body, Player)
def shows_a_player(body: Body, player: Player) -> Called:
    """Someone who plays."""
    return Called(player.name, "player")


@hides(Body, Player)
def hides_the_absent(body: Body, player: Player) -> bool:
    """Whether its player is not in the world."""
    return not player.gateway


fitting(Body, misfit=misplaced, cure=moved, components=(Player,))  # when maps change


def _needs_body(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return body_of(player) if player else ()


def _needs_bodies(event: Event, context: Context) -> Needs:
    return (silent_sessions(context, Body),)


@after("sessions.register", needs=_needs_body)
@after("sessions.login", needs=_needs_body)
@after("sessions.resume", needs=_needs_body)
@after("sessions.rejoin", needs=_needs_body)
@after("sessions.lost", needs=_needs_body)
@after("sessions.logout", needs=_needs_body)
@after("sessions.sweep", needs=_needs_bodies)
def who_comes_and_goes_is_seen(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """Who enters stands where it stood last, and others see it; who leaves vanishes. A new one stands at a spawn."""
    come_and_gone = [thing for thing in outcome.put if isinstance(thing, Player)]
    bodies = {player.id: _changed(state, context, player) for player in come_and_gone if _is_concerned(state, player)}
    told = [one for player in come_and_gone if player.id in bodies for one in _told(state, player, bodies[player.id])]
    return Outcome(
        parts=_where(state, bodies, outcome.result),
        put=tuple(bodies.values()),
        notifications=tuple(told),
        follow=_follow(state, bodies, outcome.follow),
    )


def _is_concerned(state: State, player: Player) -> bool:
    """Whether it is in the world, or was until now."""
    before = state.before.get(Player, player.id)
    return player.present or (before is not None and before.present)


def _changed(state: State, context: Context, player: Player) -> Body:
    body = state.get(Body, player.id) or _born(state, context, player)
    return body if player == state.before.get(Player, player.id) else replace(body, v=body.v + 1)


def _born(state: State, context: Context, player: Player) -> Body:
    x, y = context.rng.choice(spawns(state.zone(state.world.start)))
    return Body(id=player.id, zone=state.world.start, x=x, y=y)


def _told(state: State, player: Player, body: Body) -> tuple[Notification, ...]:
    return appears(state, body) if player.present else (vanishes(body),)


def _where(state: State, bodies: dict[str, Body], result: object) -> tuple[EnteredAt, ...]:
    """Add to the answer where the player is."""
    if not isinstance(result, Entered):
        return ()
    body = bodies.get(result.player) or state.of(Body)[result.player]
    return (EnteredAt(zone=body.zone, x=body.x, y=body.y),)


def _follow(state: State, bodies: dict[str, Body], follow: SessionUpdate | None) -> SessionUpdate | None:
    """Let whose connection plays for somebody watch what is around."""
    if follow is None or not follow.player:
        return None
    return looks_around(bodies.get(follow.player) or state.of(Body)[follow.player])
