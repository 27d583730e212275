"""What combat adds to others' rules: the dead do nothing and are not seen; zones stir, in which fights go on."""

from typing import Any
from zlib import crc32

from gameserver.game import Context, Event, Needs, Outcome, State, after, before, beginning, distinct, ids, where
from gameserver.modules.combat.entities import Creature, Health, Strength
from gameserver.modules.combat.events import BeingHealth, ChartedSafety, EnteredHealth
from gameserver.modules.combat.fighters import dead
from gameserver.modules.combat.kinds import kind_of
from gameserver.modules.combat.maps import Lair, is_safe
from gameserver.modules.combat.scene import Scene
from gameserver.modules.movement.appearance import Called, hides, looks
from gameserver.modules.movement.bodies import bodies_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.events import Entered
from gameserver.modules.sessions.players import actor, comes_and_goes
from gameserver.modules.world.entities import PULSE
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import comes_round, lived_through

IDLE_TICKS = 20
HEAL_TICKS = 4

BUSY_ZONES = distinct(Body, "zone", when="present")
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


@after("world.tick", needs=lambda event, context: (BUSY_ZONES, HURT_ZONES))
def zones_stir(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """Let every zone stir whose turn it is.

    Those in which players have creatures about them, or wounds to heal, do on every tick, where only creatures are once
    in ``IDLE_TICKS``, and where none are never.
    """
    n, past = lived_through(state, PULSE)
    stirring = [name for name in sorted(state.world.zones) if _stirs(state, name, n, past)]
    return Outcome(events=tuple(Stir(zone=name, n=n) for name in stirring))


def _stirs(state: State, zone: str, n: int, past: int) -> bool:
    hurt = zone in state.values(HURT_ZONES)
    if hurt or not state.world.zones[zone].placed(Lair):
        return hurt
    return zone in state.values(BUSY_ZONES) or comes_round(n, past, IDLE_TICKS, crc32(zone.encode()))


@after("world.stir", needs=lambda event, context: (bodies_in(event.zone, Strength), where(Creature, zone=event.zone)))
def fights_go_on(state: State, event: Stir, context: Context, outcome: Outcome) -> Outcome:
    """The dead return, the wounded heal, creatures act."""
    if event.zone not in state.world.zones:
        return Outcome()  # a worker with other maps knows it
    n, past = lived_through(state, event.zone)
    scene = Scene(state, event.zone, context)
    scene.raise_dead()
    if comes_round(n, past, HEAL_TICKS):
        scene.heal()
    scene.act()
    return Outcome(put=tuple(scene.changed.values()), notifications=tuple(scene.notifications))
