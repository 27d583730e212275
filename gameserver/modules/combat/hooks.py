"""What combat adds to others' rules: the dead do nothing and are not seen; zones stir, in which fights go on."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from gameserver.game import Context, Event, Needs, Outcome, State, after, before, beginning, distinct, ids, where
from gameserver.modules.combat.creature_kinds import kind_of
from gameserver.modules.combat.duels import duels_in, ended_in
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.events import BeingHealth, ChartedSafety, EnteredHealth
from gameserver.modules.combat.fighters import dead
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.combat.zone_tick import Scene
from gameserver.modules.movement.appearance import Called, hides, looks
from gameserver.modules.movement.bodies import bodies_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.events import Entered
from gameserver.modules.sessions.players import actor, comes_and_goes
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import comes_round, lived_through

HEAL_TICKS = 4

DUEL_ZONES = distinct(Duel, "duel_zone", when="fighting")
HURT_ZONES = distinct(Health, "zone", when="hurt")  # where any of them is dead or wounded


@looks(Body, Health)
def shows_health(body: Body, health: Health) -> BeingHealth:
    """Others see how a player is."""
    return BeingHealth(hp=health.hp, hp_max=health.hp_max)


@hides(Body, Health)
def hides_the_dead(body: Body, health: Health) -> bool:
    """Nobody sees a dead player."""
    return health.dead_until_ms > 0


@looks(Creature)
def shows_a_creature(creature: Creature) -> Called:
    """A creature looks as its kind."""
    return Called(kind_of(creature.kind).title, creature.kind)


@looks(Creature)
def shows_a_creatures_health(creature: Creature) -> BeingHealth:
    """Others see how it is."""
    return BeingHealth(hp=creature.hp, hp_max=kind_of(creature.kind).hp_max)


@hides(Creature)
def hides_dead_creatures(creature: Creature) -> bool:
    """Nobody sees a dead creature."""
    return creature.dead


@before("movement.move", components=(Health,))
@before("instances.enter", components=(Health,), optional=True)
@before("instances.depart", components=(Health,), optional=True)
def the_dead_walk_nowhere(state: State, event: Event, context: Context) -> None:
    """Refuse the steps of the dead."""
    health = state.things[Health].get(context.player)
    if health is not None and health.dead_until_ms:
        actor(state, context)  # who is not in the world is put off instead
        raise dead()


def _needs_health(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return (ids(Health, player), ids(Strength, player)) if player else ()


@after("sessions.register", needs=_needs_health)
@after("sessions.login", needs=_needs_health)
@after("sessions.resume", needs=_needs_health)
def tells_health(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell who enters how it is."""
    entered = outcome.result
    if not isinstance(entered, Entered):
        return None
    health = state.get(Health, entered.player) or beginning(Health, entered.player)
    strength = state.get(Strength, entered.player) or beginning(Strength, entered.player)
    return Outcome(parts=(EnteredHealth(hp=health.hp, hp_max=health.hp_max, xp=strength.xp),))


@after("movement.chart", components=(Body,))
def tells_whether_it_is_safe(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """A map of a zone says whether one fights there."""
    drawn: Any = outcome.result
    return Outcome(parts=(ChartedSafety(safe=is_safe(state.zone(drawn.zone))),))


@after("world.tick", needs=lambda event, context: (HURT_ZONES, DUEL_ZONES))
def zones_stir(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """Let every zone stir in which players have wounds to heal, or fight a duel."""
    return stirring(state, (*state.values(HURT_ZONES), *state.values(DUEL_ZONES)), outcome)


def stirring(state: State, zones: Iterable[str], outcome: Outcome) -> Outcome:
    """Let zones stir in this tick, those left out that do already, and those that no map shows."""
    n = state.of(ZoneClock)[PULSE].tick
    already = {event.zone for event in outcome.events if isinstance(event, Stir)}
    due = {zone for zone in zones if state.world.zone(zone)} - already
    return Outcome(events=tuple(Stir(zone=zone, n=n) for zone in sorted(due)))


def _of_a_zone(event: Stir, context: Context) -> Needs:
    return (bodies_in(event.zone, Strength), where(Creature, zone=event.zone), *duels_in(event.zone))


@after("world.stir", needs=_of_a_zone)
def fights_go_on(state: State, event: Stir, context: Context, outcome: Outcome) -> Outcome:
    """The dead return, the wounded heal, effects act, duels end."""
    if not outcome.put:
        return Outcome()  # a worker with other maps knows the zone
    n, past = lived_through(state, event.zone)
    scene = Scene(state, event.zone, context)
    scene.raise_players()
    if comes_round(n, past, HEAL_TICKS):
        scene.heal_players()
    scene.let_effects_act()
    fought = scene.outcome()
    ended = ended_in(state.folded(fought), event.zone, context.now_ms)
    told = (*fought.notifications, *ended.notifications)
    return replace(fought, put=(*fought.put, *ended.put), notifications=told)


@after("instances.dissolve", needs=lambda event, context: duels_in(event.zone), optional=True)
def duels_end_with_their_zone(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome:
    """A duel that was fought in an instance is over with it, and nobody has won: both stand elsewhere by now."""
    return ended_in(state, event.zone, context.now_ms)
